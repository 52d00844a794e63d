"""The programs behind the Makefile."""

import csv
import importlib.util
import json
import subprocess
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
ROWS = ROOT / "tests/requirements.csv"


def tool(name: str) -> ModuleType:
    """Load one program of tools/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"tools_{name}", ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_report_prints_every_row_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever asks what is still missing would not be told all of it."""
    shown = tmp_path / "shown.json"
    shown.write_text(json.dumps({"K1": ["a test"], "K4": ["a test"]}))
    assert tool("requirements").main(str(ROWS), str(shown)) == 0
    printed = capsys.readouterr().out.splitlines()
    states = {line.split()[0]: line[11:19].strip() for line in printed if line.startswith("    ")}
    ids = [row["id"] for row in csv.DictReader(ROWS.open(encoding="utf-8", newline=""))]
    assert sorted(states) == sorted(ids)
    assert Counter(states.values()) == {"shown": 2, "not yet": len(ids) - 2}
    assert printed[-1] == f"in all: 2 of {len(ids)} shown"


def test_the_report_counts_by_service_and_stage() -> None:
    """A team could not see how far its own service is."""
    rows = [
        {"id": "A1", "service": "loop", "stage": "ad", "requirement": "one"},
        {"id": "A2", "service": "loop", "stage": "listen", "requirement": "two"},
        {"id": "B1", "service": "identity", "stage": "ad", "requirement": "three"},
    ]
    printed = list(tool("requirements").lines(rows, {"A1": ["a test"], "A2": []}))
    assert "\nloop: 1 of 2 shown" in printed
    assert "\nidentity: 0 of 1 shown" in printed
    assert "  ad         1 of 2 shown" in printed
    assert printed.index("  listen: 0 of 1 shown") < printed.index("  ad: 1 of 1 shown")


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ([], "not yet"),
        (["A1"], "shown"),
        (["A1/loop"], "loop shown, ad not yet"),
        (["A1/ad"], "loop not yet, ad shown"),
        (["A1/ad", "A1/loop"], "shown"),
    ],
)
def test_a_row_of_two_services_needs_both_halves(shown: list[str], state: str) -> None:
    """A row would count as done while one of its services still does nothing."""
    row = {"id": "A1", "service": "loop+ad", "stage": "ad", "requirement": "one"}
    printed = list(tool("requirements").lines([row], {name: ["a test"] for name in shown}))
    assert [line for line in printed if line.startswith("    ")] == [f"    A1     {state:8} one"]
    assert printed[-1] == f"\nin all: {int(state == 'shown')} of 1 shown"


def test_without_a_result_the_report_fails(tmp_path: Path) -> None:
    """A run that broke before its first test would look like one that shows nothing."""
    assert tool("requirements").main(str(ROWS), str(tmp_path / "none.json")) == 1


def test_make_alone_prints_the_tasks() -> None:
    """A newcomer would have to read the Makefile."""
    printed = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True)
    for task in ("setup", "doctor", "demo", "test", "check", "bench", "requirements"):
        assert f"make {task} " in printed.stdout


@pytest.mark.parametrize("lock", ["run", "dev", "deploy", "helm", "postgres", "checkov"])
def test_locks_hold_hashes_and_no_addresses(lock: str) -> None:
    """An installation would trust whatever an index serves, or ask one that only we can reach."""
    lines = (ROOT / f"requirements/{lock}.txt").read_text().splitlines()
    pins = [number for number, line in enumerate(lines) if "==" in line]
    assert pins
    assert all(lines[number + 1].lstrip().startswith("--hash=sha256:") for number in pins)
    allowed = ("--hash=", "#")
    options = [line for line in lines if line.lstrip().startswith("-")]
    assert all(line.lstrip().startswith(allowed) for line in options)
    assert "://" not in "".join(lines)


def test_dev_holds_every_run_pin() -> None:
    """The tests would run with other versions than the services."""
    run, dev = (pins(ROOT / f"requirements/{lock}.txt") for lock in ("run", "dev"))
    assert run <= dev


def test_deploy_agrees_with_dev() -> None:
    """The tools of deploy/ would change the versions that the services are tested with."""
    dev, deploy = (pins(ROOT / f"requirements/{lock}.txt") for lock in ("dev", "deploy"))
    names = {pin.partition("==")[0] for pin in dev}
    assert {pin for pin in deploy if pin.partition("==")[0] in names} <= dev


def pins(lock: Path) -> set[str]:
    """Read a lock's pinned versions."""
    return {line.split()[0] for line in lock.read_text().splitlines() if "==" in line}


def test_an_unpacked_erlang_is_told_where_it_is(tmp_path: Path) -> None:
    """Without root RabbitMQ would start the Erlang that is not there."""
    script = tmp_path / "usr/lib/erlang/bin/erl"
    script.parent.mkdir(parents=True)
    script.write_text("ROOTDIR=/usr/lib/erlang\n")
    tool("servers").relocate_erlang(tmp_path)
    tool("servers").relocate_erlang(tmp_path)
    assert script.read_text() == f"ROOTDIR={tmp_path}/usr/lib/erlang\n"


def test_refused_services_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation would keep the machine from ever starting a service again."""
    servers = tool("servers")
    policy, own = tmp_path / "policy-rc.d", tmp_path / "createcluster.conf"
    own.write_text("theirs")
    monkeypatch.setattr(servers, "POLICY", policy)
    monkeypatch.setattr(servers, "CLUSTERS", own)
    with servers.services_refused():
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o100
    assert not policy.exists()
    assert own.read_text() == "theirs"


def test_ci_runs_the_test_command() -> None:
    """A green build would say less than the README's own command."""
    script = (ROOT / ".ci/run").read_text()
    assert "exec make test" in script
    assert "make test" in (ROOT / "README.md").read_text()
