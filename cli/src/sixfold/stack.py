"""A private Sixfold: broker, databases and every process, on loopback, thrown away at the end."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx

from chassis.clock import SharedClock
from chassis.dev_issuer import DevelopmentIssuer
from chassis.isolation import Roles
from chassis.migrations import migrate
from chassis.testing.nodes import Command, Node, free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.three_roles import Addresses as ByRole
from chassis.testing.three_roles import divided
from sixfold.client import Client, Clients
from sixfold.occupation import Occupation
from sixfold.parts import (
    AUDIENCE,
    ISSUER,
    LOOP,
    PAYMENTS,
    SERVICES,
    WORLD,
    Addresses,
    Part,
    Secrets,
    parts_of,
)

READY_SECONDS = 60.0
TOKEN_LIFE = timedelta(days=7)
PACKAGES = (*SERVICES, LOOP)
KEYS = "chassis.key_store"
VHOST = "sixfold"
_PASSED_ON = (
    "PATH", "HOME", "LANG", "TZ", "CRASH_AT", "PYTHONPATH",
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_METRIC_EXPORT_INTERVAL",
)  # fmt: skip
Say = Callable[[str], None]
DatabaseKind = Literal["sqlite", "postgresql"]


class Stack:
    """Servers and processes of one private installation.

    Args:
        directory: Everything of it is kept there; emptied at the start.
        database: Where the services keep their data.
        start_at: Where the shared clock begins.
        say: Told what is being done.
        told: Settings that every process gets besides its own.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database: DatabaseKind = "sqlite",
        start_at: datetime,
        say: Say = lambda _: None,
        told: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self._occupation = Occupation(directory)
        self._database = database
        self._start_at = start_at
        self._say = say
        self._told = dict(told or {})
        self.broker = PrivateRabbitMQ(self.directory / "rabbitmq", fsync=False)
        self.postgresql: PrivatePostgreSQL | None = None
        self._nodes: dict[str, Node] = {}
        self._watched = threading.Event()
        self.parts: dict[str, Part] = {}

    def __enter__(self) -> Self:
        """Start everything and wait until it answers; raises Occupied."""
        self._occupation.begin()
        try:
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True, mode=0o700)
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        self.stop()

    def stop(self) -> None:
        """Stop every process, then the servers; what they wrote stays until the next start."""
        try:
            self._stop()
        finally:
            self._occupation.end()

    def _stop(self) -> None:
        self._watched.set()
        for node in self._nodes.values():
            if node.process is not None:
                node.process.send_signal(signal.SIGTERM)
        for node in self._nodes.values():
            node.stop()
        self.broker.kill()  # nothing of it is kept, and in order it would take six seconds
        if self.postgresql is not None:
            self.postgresql.close()

    def kill(self, name: str) -> None:
        """Kill one process as a power cut would; it stays dead until ``start_part``."""
        self._nodes[name].kill()

    def start_part(self, name: str, **told: str) -> None:
        """Start one process, again if it died.

        Args:
            name: Which one.
            told: Settings for this life of it only, such as ``CRASH_AT``.
        """
        part = self.parts[name]
        node = self._nodes.setdefault(name, self._node(name))
        node.launch([Command(argv=part.argv, environment={**part.environment, **told})])

    def running(self, name: str) -> bool:
        """Say whether a process lives."""
        return self._nodes[name].running

    def wait_ready(self, name: str) -> None:
        """Wait until a process answers, if it serves anything; raises ServerFailed."""
        part = self.parts[name]
        if part.health is not None:
            url = self.addresses.urls[name.partition(".")[0]] + part.health
            self._nodes[name].wait_ready(lambda: _answers(url), READY_SECONDS)

    def restart_the_dead(self) -> list[str]:
        """Start again whatever ended by itself, as an orchestrator would; return the names."""
        dead = [name for name, node in self._nodes.items() if not node.running]
        for name in dead:
            self.start_part(name)
        return dead

    def watch(self, every: float = 0.5) -> None:
        """Keep restarting what dies, until ``stop``; runs in a thread of its own."""
        while not self._watched.wait(every):
            for name in self.restart_the_dead():
                self._say(f"{name} ended and was started again")

    @property
    def logs(self) -> str:
        """Where the services' databases are, for a person."""
        if self.postgresql is None:
            return str(self.directory / "data")
        return self._databases[SERVICES[0]].owner.replace(SERVICES[0], "<service>")

    def token(self, tenant: str, subject: str, scopes: list[str]) -> str:
        """Return a bearer token of the stack's development issuer."""
        return self._issuer.issue(tenant, subject, scopes, TOKEN_LIFE)

    def _start(self) -> None:
        self._say("starting RabbitMQ" + (" and PostgreSQL" if self._on_server else ""))
        servers = threading.Thread(target=self.broker.start)
        servers.start()
        if self._on_server:
            self.postgresql = PrivatePostgreSQL(self.directory / "postgresql")
            self.postgresql.start()
        self._prepare()
        self._say("starting the services")
        # They try until the broker is there, and load meanwhile what they are made of.
        for part in parts_of(self._addressed(), self._secrets, {**_inherited(), **self._told}):
            self.parts[part.name] = part
            self.start_part(part.name)
        servers.join()
        self.broker.vhost(VHOST)
        for name in self.parts:
            self.wait_ready(name)
        self._describe()

    def _prepare(self) -> None:
        for folder in ("data", "spans", "loop", "logs"):
            (self.directory / folder).mkdir(exist_ok=True)
        self._issuer = DevelopmentIssuer(
            self.directory / "issuer", environment="development", issuer=ISSUER, audience=AUDIENCE
        )
        token = self._issuer.issue("system", "service:stack", ["log.read"], TOKEN_LIFE)
        self._secrets = Secrets.fresh(token)
        names = (*SERVICES, LOOP, WORLD, PAYMENTS)
        ports = dict(zip(names, free_ports(len(names)), strict=True))
        self._urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
        roles = {name: Roles.named(f"sixfold_{name}") for name in PACKAGES}
        self._databases = {name: self._url(name, roles[name]) for name in PACKAGES}
        self._keys = {name: self._url(f"{name}_keys", roles[name]) for name in PACKAGES}
        for name in PACKAGES:
            migrate(self._databases[name].owner, name, roles=roles[name])
            migrate(self._keys[name].owner, KEYS, roles=roles[name])
        self.clock = SharedClock(self.directory / "clock")
        self.clock.set(self._start_at)

    def _addressed(self) -> Addresses:
        self.addresses = Addresses(
            directory=self.directory,
            amqp_uri=self.broker.uri(VHOST),
            databases=self._databases,
            keys=self._keys,
            urls=self._urls,
            jwks=self._issuer.jwks,
            clock_file=self.directory / "clock",
        )
        return self.addresses

    def _url(self, name: str, roles: Roles) -> ByRole:
        if self.postgresql is None:
            return ByRole.same(f"sqlite:///{self.directory}/data/{name}.db")
        # psycopg2: the one driver that eventlet can make wait without blocking.
        return divided(self.postgresql.database(name), roles)

    @property
    def _on_server(self) -> bool:
        return self._database == "postgresql"

    def _node(self, name: str) -> Node:
        folder = self.directory / "logs" / name
        folder.mkdir(parents=True, exist_ok=True)
        return Node(name=name, directory=folder, stop_signal=signal.SIGTERM, grace=15)

    def _describe(self) -> None:
        path = self.directory / "stack.json"
        path.touch(mode=0o600)
        description = {
            "urls": dict(self._urls),
            # An operator's commands read every tenant's events, and change schemas.
            "databases": {name: each.owner for name, each in self._databases.items()},
            "keys": {name: each.owner for name, each in self._keys.items()},
            "amqp_uri": self.addresses.amqp_uri,
            "issuer": str(self.directory / "issuer"),
            "secret": self._secrets.secret,
            "master_key": self._secrets.master_key,
        }
        path.write_text(json.dumps(description, indent=1))


class NotRunning(Exception):
    """No stack was started in that directory, or it is still starting."""


class Described:
    """A running stack as another command finds it, by its ``stack.json``; raises NotRunning."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            self.known: Mapping[str, Any] = json.loads((directory / "stack.json").read_text())
        except FileNotFoundError:
            raise NotRunning(f"no stack runs in {directory}; `make demo` starts one") from None
        self._issuer = DevelopmentIssuer(
            Path(self.known["issuer"]), environment="development", issuer=ISSUER, audience=AUDIENCE
        )

    def token(self, tenant: str, subject: str, scopes: list[str]) -> str:
        """Return a bearer token of the stack's development issuer."""
        return self._issuer.issue(tenant, subject, scopes, TOKEN_LIFE)

    def clients(self, tenant: str) -> Clients:
        """Return clients of every service with all rights of one tenant."""
        return clients_of(self.known["urls"], self.token, tenant)


SCOPES = [
    "platform.admin", "identity.read", "identity.write", "identity.look_up", "listening.read",
    "listening.write", "listening.reply", "listening.reply.brand", "listening.read.personal",
    "campaigns.read", "campaigns.write", "campaigns.approve", "commerce.read", "commerce.write",
    "commerce.parcels", "commerce.till", "loop.read", "identity.erase", "import", "operate",
    "quotas.read", "audit.read",
]  # fmt: skip


def clients_of(
    urls: Mapping[str, str],
    token: Callable[[str, str, list[str]], str],
    tenant: str,
    subject: str = "operator",
) -> Clients:
    """Return clients of every service for one tenant, as one of its people."""
    bearer = token(tenant, subject, SCOPES)
    return Clients({name: Client(url, bearer) for name, url in urls.items()})


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        time.sleep(0.05)
        return False
