"""Passwords of database and broker are renewed under traffic: nothing fails, nothing is lost."""

import itertools
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.rotation import Current
from chassis.settings import SettingsInvalid
from chassis.testing.fixtures import started
from chassis.testing.secure_servers import SecurePostgreSQL, SecureRabbitMQ
from chassis.testing.settings import settings
from chassis.testing.web import Tokens
from service_process import Place, wait_for

OLD, NEW = "before-it", "after-it"
USER = "renewed"
PATIENCE = 300.0  # seven processes start at once, on whatever the machine is busy with


@pytest.fixture(scope="module")
def broker(server_directory: Path) -> Iterator[SecureRabbitMQ]:
    server = SecureRabbitMQ(server_directory / "rabbitmq-rotation")
    yield started(server)
    server.close()


@pytest.fixture(scope="module")
def database(server_directory: Path) -> Iterator[SecurePostgreSQL]:
    server = SecurePostgreSQL(server_directory / "postgresql-rotation")
    yield started(server)
    server.close()


class Site:
    """A producer and a consumer whose secrets stand in files."""

    def __init__(self, folder: Path, broker: SecureRabbitMQ, database: SecurePostgreSQL) -> None:
        self.broker, self.database, self._folder = broker, database, folder
        self.vhost = "rotation"
        broker.vhost(self.vhost)
        self._admin = Database(database.url("postgres"))
        self._sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{OLD}' SUPERUSER")
        self.let_in(OLD)
        tokens = Tokens(folder)
        self.greeter = self._place("greeter", tokens)
        feeds = f"greeter={self.greeter.address}"
        self.listener = self._place("listener", tokens, feeds=feeds)

    def _place(self, name: str, tokens: Tokens, feeds: str = "") -> Place:
        url = self.database.database(name)
        place = Place(name, self._folder, "", tokens, feeds=feeds, database_url=url)
        for variable in ("DATABASE_URL", "AMQP_URI"):
            del place.settings[variable]
            place.settings[f"{variable}_FILE"] = str(self._folder / f"{name}.{variable}")
        place.settings["BROKER_CA"] = str(self.broker.authority.certificate)
        self.write(place, OLD)
        return place

    def write(self, place: Place, password: str) -> None:
        """Write a service's secrets as an orchestrator does: another file takes the place."""
        for variable, value in {
            "DATABASE_URL": self.database.secure_url(place.name, USER, password),
            "AMQP_URI": self.broker.secure_uri(self.vhost, USER, password),
        }.items():
            fresh = self._folder / f"{place.name}.{variable}.new"
            fresh.write_text(value)
            fresh.replace(self._folder / f"{place.name}.{variable}")

    def let_in(self, password: str) -> None:
        """Let the broker know the user by a password."""
        self.broker.api("PUT", f"/api/users/{USER}", {"password": password, "tags": ""})
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.broker.api("PUT", f"/api/permissions/{self.vhost}/{USER}", everything)

    def renew(self) -> datetime:
        """Change both passwords, then their files; return when, on the database's clock."""
        self._sql(f"ALTER ROLE {USER} PASSWORD '{NEW}'")
        self.let_in(NEW)
        for place in (self.greeter, self.listener):
            self.write(place, NEW)
        with self._admin.read() as db:
            at: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
        return at

    def sessions_before(self, moment: datetime) -> int:
        """Count the role's sessions that are older than a moment."""
        asked = text(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = :user AND backend_start < :at"
        )
        with self._admin.read() as db:
            return int(db.execute(asked, {"user": USER, "at": moment}).scalar_one())

    def connections(self) -> set[str]:
        """Return the names of the broker's connections of the user."""
        listed = self.broker.api("GET", f"/api/vhosts/{self.vhost}/connections")
        return {each["name"] for each in listed if each.get("user") == USER}

    def close(self) -> None:
        for database in (self.greeter.database, self.listener.database, self._admin):
            database.close()

    def _sql(self, statement: str) -> None:
        with self._admin.begin() as db:
            db.execute(text(statement))


@pytest.fixture
def site(tmp_path: Path, broker: SecureRabbitMQ, database: SecurePostgreSQL) -> Iterator[Site]:
    site = Site(tmp_path, broker, database)
    yield site
    site.close()


class Traffic:
    """Posts one greeting after the other and keeps what failed."""

    def __init__(self, greeter: Place) -> None:
        self._greeter = greeter
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.sent, self.failed = 0, list[str]()

    def _run(self) -> None:
        for number in itertools.count():
            if self._stop.wait(0.05):
                return
            try:
                self._greeter.post("/v1/greetings/a", {"number": number})
            except OSError as error:
                self.failed.append(f"{number}: {error}")
                return
            self.sent = number + 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.servers
@pytest.mark.journey
def test_passwords_are_renewed_under_traffic(site: Site) -> None:
    """A rotation would need a restart, fail requests, lose events, or leave old sessions open."""
    greeter, listener = site.greeter, site.listener
    with (
        greeter.running("worker", "publisher", "projector"),
        listener.running("worker"),
    ):
        wait_for(lambda: greeter.answers("/healthz") is not None, "it answers", PATIENCE)
        with Traffic(greeter) as traffic:
            wait_for(lambda: len(listener.numbers("a")) > 20, "events flow")
            wait_for(lambda: len(site.connections()) >= 2, "the broker lists its connections")
            earlier = site.connections()
            moment = site.renew()
            wait_for(lambda: site.sessions_before(moment) == 0, "no older session is left")
            wait_for(lambda: not earlier & site.connections(), "no older connection is left")
            reached = traffic.sent
            wait_for(lambda: traffic.sent > reached + 20 or traffic.failed, "traffic goes on")
        assert traffic.failed == []
        expected = list(range(traffic.sent))
        wait_for(lambda: listener.numbers("a") == expected, "every event came, once, in order")


def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path) -> None:
    """A half-written secret would stop every process of a service at once."""
    file = tmp_path / "AMQP_URI"
    file.write_text("amqp://one")
    found: list[Any] = [SettingsInvalid(["AMQP_URI: no address"]), settings(amqp_uri="amqp://two")]

    def read() -> Any:
        if isinstance(answer := found.pop(0), Exception):
            raise answer
        return answer

    first = settings(amqp_uri="amqp://one")
    current = Current(first, {"AMQP_URI_FILE": file}, read=read, look_seconds=1e-9)
    assert current.now.amqp_uri == "amqp://one"
    file.write_text("nonsense")
    assert current.now.amqp_uri == "amqp://one"
    file.write_text("amqp://two")
    assert current.now.amqp_uri == "amqp://two"
    file.unlink()
