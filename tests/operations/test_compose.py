"""The compose file is whole: every process, restricted, its secrets as files that can be made."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

import compose as secrets_of_compose
from sixfold.parts import LOOP, SERVICES

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy/compose/compose.yaml"
SCHEMA = Path(__file__).parent / "schemas/compose-spec.json"
SERVERS = {"broker", "database"}
SECRET = re.compile(r"URL$|URI$|KEY$|TOKEN$|SECRET$|PASSWORD$")
PUBLIC = {"PAYMENT_PROVIDER_URL", "COMMERCE_PUBLIC_URL", "SMS_GATEWAY_URL", "CHANNEL_URL"}


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


def processes(compose: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every service that is a process of ours."""
    yield from ((name, its) for name, its in compose["services"].items() if name not in SERVERS)


def test_it_is_a_compose_file(compose: Mapping[str, Any]) -> None:
    """An engine would refuse it."""
    wrong = Draft201909Validator(json.loads(SCHEMA.read_text())).iter_errors(compose)
    assert [f"{error.json_path}: {error.message}" for error in wrong] == []


def test_every_role_of_every_service_runs(compose: Mapping[str, Any]) -> None:
    """Something would wait for ever for a process that nobody started."""
    found = {tuple(its["command"]) for _, its in processes(compose)}
    wanted = {
        (role, each)
        for each in SERVICES
        for role in ("migrate", "worker", "publisher", "projector")
    }
    assert found == wanted | {("migrate", LOOP), ("loop", LOOP)}
    for name, its in processes(compose):
        role, service = its["command"]
        waits = its["depends_on"].get(f"{service}-migrate", {}).get("condition")
        assert role == "migrate" or waits == "service_completed_successfully", name
        assert its["environment"]["SERVICE"] == service


def test_every_process_is_restricted(compose: Mapping[str, Any]) -> None:
    """Whoever breaks into one would find more rights than it needs."""
    for name, its in processes(compose):
        assert its["user"] == "10001:10001", name
        assert its["read_only"], name
        assert its["cap_drop"] == ["ALL"], name
        assert its["security_opt"] == ["no-new-privileges:true"], name
        assert not its.get("privileged"), name
        assert its["mem_limit"], name
    for name, its in compose["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in its.get("ports", [])), name
        assert "latest" not in its["image"], name


def test_no_secret_is_told_but_by_a_file(compose: Mapping[str, Any]) -> None:
    """It would be seen by whoever may list processes or look at a container."""
    for name, its in compose["services"].items():
        told = its.get("environment", {})
        open_ones = [each for each in told if SECRET.search(each) and each not in PUBLIC]
        assert open_ones == [], name
        mounted = {f"/run/secrets/{each['target']}" for each in its["secrets"]}
        wanted = {value for value in told.values() if str(value).startswith("/run/secrets/")}
        assert wanted <= mounted, name


def test_every_setting_is_one_that_somebody_reads(compose: Mapping[str, Any]) -> None:
    """An operator would change something that changes nothing."""
    guide = (ROOT / "docs/guides/operator.md").read_text()
    for name, its in processes(compose):
        for setting in its["environment"]:
            read = {setting, setting.removesuffix("_FILE")}
            assert any(f"| `{each}` |" in guide for each in read), f"{name}: {setting}"


def test_every_secret_can_be_made_and_is_kept(compose: Mapping[str, Any], tmp_path: Path) -> None:
    """The first start would fail for want of a file, or the second with another password."""
    secrets_of_compose.fill(tmp_path)
    made = {path: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    named = {Path(each["file"]).name for each in compose["secrets"].values()}
    assert named <= {path.name for path in made}
    used = {each["source"] for its in compose["services"].values() for each in its["secrets"]}
    assert used == set(compose["secrets"])
    secrets_of_compose.fill(tmp_path)
    assert {path: path.read_text() for path in made} == made
    sql = (tmp_path / "databases.sql").read_text()
    for service in (*SERVICES, LOOP):
        password = (tmp_path / f"sixfold_{service}_owner_password").read_text()
        assert f"ALTER ROLE sixfold_{service}_owner PASSWORD '{password}'" in sql
        assert password in (tmp_path / f"{service}_owner_database_url").read_text()


def answers(command: list[str]) -> bool:
    """Say whether a program is here and knows a command."""
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.tools
def test_an_engine_reads_it(tmp_path: Path) -> None:
    """What a schema can't see, such as a variable without a value, would stop it."""
    known = [["docker", "compose"], ["podman-compose"]]
    engines = [words for words in known if answers([*words, "version"])]
    if not engines:
        pytest.skip("neither docker nor podman-compose is here to read the compose file")
    shutil.copytree(COMPOSE.parent, tmp_path / "compose")
    shutil.copy(COMPOSE.parent / "env.example", tmp_path / "compose/.env")
    secrets_of_compose.fill(tmp_path / "compose/secrets")
    command = [*engines[0], "-f", "compose.yaml", "config"]
    done = subprocess.run(
        command, cwd=tmp_path / "compose", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "sha256:0000" in done.stdout
