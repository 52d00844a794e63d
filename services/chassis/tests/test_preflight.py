"""The preflight names what is missing on real servers, changes nothing, and quotes no secret."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from chassis import run
from chassis.database import Database
from chassis.migrations import migrate
from chassis.testing.fixtures import fresh_name
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.web import AUDIENCE, ISSUER, Tokens
from service_process import KEY

SECRET = "hidden-word"  # to be looked for
# The tests' PostgreSQL does not wait for its disk, and says so.
UNSAFE = {"database durable", "keys database durable"}


class Site:
    """A service about to be installed."""

    def __init__(self, environment: pytest.MonkeyPatch, said: Any, folder: Path) -> None:
        self.environment, self._said = environment, said
        for name, value in {
            "SERVICE": "listener", "ENVIRONMENT": "test", "SECRET": KEY, "MASTER_KEY": KEY,
            "JWKS": Tokens(folder).settings.jwks or "", "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
            "SERVICE_TOKEN": SECRET,
        }.items():  # fmt: skip
            environment.setenv(name, value)

    def preflight(self, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
        """Run it; return its exit code and what it found, by the name of the check."""
        code = run.main(["preflight", "listener", "--json", *words])
        printed = self._said.readouterr().out
        assert SECRET not in printed
        assert KEY not in printed
        return code, {each["name"]: each for each in json.loads(printed)}


def failed(found: dict[str, dict[str, str]]) -> set[str]:
    assert all(
        each["rule"] and each["do"] for each in found.values() if each["outcome"] == "failed"
    )
    return {name for name, each in found.items() if each["outcome"] == "failed"}


@pytest.fixture
def site(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Site:
    return Site(monkeypatch, capsys, tmp_path)


@pytest.fixture
def names(
    site: Site,
    rabbitmq: PrivateRabbitMQ,
    postgresql: PrivatePostgreSQL,
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """Make databases, a role and a virtual host as a careful operator does."""
    name = fresh_name(request)
    log, keys = postgresql.database(name), postgresql.database(f"{name}_keys")
    for url, package in ((log, "listener"), (keys, "chassis.key_store")):
        migrate(url, package)
        admin = Database(url)
        with admin.begin() as db:
            if url == log:
                db.execute(text(f"CREATE ROLE {name} LOGIN"))
            db.execute(text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"))
        admin.close()
    user = f"sixfold:{SECRET}"
    for variable, url in (("DATABASE_URL", log), ("KEYS_URL", keys)):
        site.environment.setenv(variable, url.replace("sixfold@", f"{name}:{SECRET}@"))
    body = {"password": SECRET, "tags": ""}
    rabbitmq.vhost(name)
    rabbitmq.api("PUT", "/api/users/listener", body)
    uri = rabbitmq.uri(name).replace(user, "").partition("@")[2]
    site.environment.setenv("AMQP_URI", f"amqp://listener:{SECRET}@{uri}")
    site.environment.setenv("BROKER_MANAGEMENT_URL", rabbitmq.management_url)
    yield name
    rabbitmq.drop_vhost(name)
    postgresql.drop_database(name)
    postgresql.drop_database(f"{name}_keys")


@pytest.mark.servers
def test_a_site_is_ready_once_topology_has_run(
    site: Site, names: str, rabbitmq: PrivateRabbitMQ
) -> None:
    """An operator would install into a place where services can't work, or be kept from one."""
    code, found = site.preflight()
    assert failed(found) == UNSAFE
    brought = {"broker reachable", "broker topology", "broker policies", "broker permissions"}
    assert {found[name]["outcome"] for name in brought} == {"later"}
    assert found["broker reachable"]["found"].endswith("topology gives rights")
    code, found = site.preflight("--installed")
    assert (code, failed(found)) == (1, UNSAFE | brought)

    rights = {"configure": "", "write": "", "read": ""}
    rabbitmq.api("PUT", f"/api/permissions/{quote(names)}/listener", rights)
    _, found = site.preflight("--installed")
    assert failed(found) == UNSAFE | brought - {"broker reachable"}
    assert "listener.on.greeter.0" in found["broker topology"]["found"]
    assert rabbitmq.api("GET", f"/api/queues/{quote(names)}") == []

    assert run.main(["topology", "listener", "--vhost", names]) == 0
    site._said.readouterr()  # topology's own lines
    code, found = site.preflight("--installed")
    assert failed(found) == UNSAFE
    assert found["broker alarms"]["found"] == "none"
    code, found = site.preflight("--skip", "database durable", "--skip", "keys database durable")
    assert (code, failed(found)) == (0, set())
    assert found["database durable"]["outcome"] == "not asked"


@pytest.mark.servers
def test_a_broker_that_refuses_for_another_reason_is_no_matter_of_topology(
    site: Site, names: str, rabbitmq: PrivateRabbitMQ
) -> None:
    """An operator would be told to go on with a name that is wrong, or a limit that is reached."""
    uri = os.environ["AMQP_URI"]
    site.environment.setenv("AMQP_URI", uri.replace(f"/{names}", "/elsewhere"))
    assert "broker reachable" in failed(site.preflight()[1])
    site.environment.setenv("AMQP_URI", uri.replace(SECRET, "another-word"))
    assert "broker reachable" in failed(site.preflight()[1])

    site.environment.setenv("AMQP_URI", uri)
    rights = {"configure": "", "write": "", "read": ""}
    rabbitmq.api("PUT", f"/api/permissions/{quote(names)}/listener", rights)
    limit = f"/api/vhost-limits/{quote(names)}/max-connections"
    rabbitmq.api("PUT", limit, {"value": 0})
    assert "broker reachable" in failed(site.preflight()[1])


@pytest.mark.servers
def test_what_is_dangerous_is_refused(
    site: Site, names: str, rabbitmq: PrivateRabbitMQ, postgresql: PrivatePostgreSQL
) -> None:
    """Production would start with a superuser, keys beside the log, everything in the clear."""
    del rabbitmq
    site.environment.setenv("ENVIRONMENT", "production")
    site.environment.setenv("DATABASE_URL", postgresql.url(names))
    site.environment.setenv("KEYS_URL", f"{postgresql.url(names)}&application_name=keys")
    site.environment.setenv("FEEDS", "greeter=http://127.0.0.1:1")
    site.environment.delenv("BROKER_MANAGEMENT_URL")

    code, found = site.preflight("--installed")

    assert code == 1
    assert failed(found) >= {
        "application role", "keys apart", "broker encrypted", "erasure list", "feed of greeter",
    }  # fmt: skip
    assert "super" in found["application role"]["found"]
    assert found["broker alarms"]["outcome"] == "not asked"


@pytest.mark.servers
def test_a_place_for_erasures_that_is_none_is_named(site: Site, names: str, tmp_path: Path) -> None:
    """The first person who asks to be forgotten would be told to come again."""
    del names
    site.environment.setenv("ERASURE_LIST", str(tmp_path / "list"))
    _, found = site.preflight()
    assert found["erasure list"]["outcome"] == "ok"
    assert found["erasure list"]["found"] == "nothing listed yet"
    (tmp_path / "list").touch()
    assert "erasure list" in failed(site.preflight()[1])


@pytest.mark.servers
def test_servers_that_are_away_are_named_and_no_password_with_them(site: Site, names: str) -> None:
    """An operator would paste a password into a ticket."""
    del names
    site.environment.setenv("DATABASE_URL", f"postgresql+psycopg2://app:{SECRET}@127.0.0.1:1/x")
    site.environment.setenv("AMQP_URI", f"amqp://app:{SECRET}@127.0.0.1:1/x")
    code, found = site.preflight()
    assert code == 1
    assert failed(found) >= {"database reachable", "broker reachable"}


def test_settings_that_are_wrong_are_lines_too(site: Site) -> None:
    """An operator would see only the first mistake."""
    site.environment.setenv("AMQP_URI", f"http://{SECRET}")
    code, found = site.preflight()
    assert (code, set(found)) == (1, {"settings"})
