"""Services as the processes that they are in production, on servers and clocks of the lab."""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psycopg

from chassis import parked
from chassis.errors import Unavailable
from chassis.feed import SCOPE
from chassis.internal_routes import OPERATE
from chassis.migrations import migrate
from chassis.progress import progress, unsettled
from chassis.testing.faultlab.disk import SmallDisk
from chassis.testing.faultlab.place import LAB, SPARE, Place, build, import_path
from chassis.testing.faultlab.proxy import Proxy
from chassis.testing.faultlab.running import Running, Tender, python
from chassis.testing.faultlab.subject import Look, Subject
from chassis.testing.faultlab.witness import Witness
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.web import AUDIENCE, ISSUER, Tokens

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
READY_SECONDS = 90.0
LOOK_SECONDS = 0.2
_TABLESPACE = "small_disk"


class Site:
    """An installation of the subject's services, with spare processes that faults may start.

    Args:
        subject: What is installed.
        folder: Logs, clocks and the handlers' files; emptied.
        rabbitmq: The broker, started.
        postgresql: The database server, started.
        broken: Which processes are broken builds, and how.
    """

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        rabbitmq: PrivateRabbitMQ,
        postgresql: PrivatePostgreSQL,
        *,
        broken: Mapping[str, str] | None = None,
    ) -> None:
        self.subject = subject
        self.folder = folder.absolute()
        self.rabbitmq, self.postgresql = rabbitmq, postgresql
        self.places: dict[str, Place] = {}
        self.processes: dict[str, Running] = {}
        self.proxies: dict[str, Proxy] = {}
        self.witnesses: dict[str, Witness] = {}
        self.disk = SmallDisk()
        self._broken = dict(broken or {})
        self._vhost = f"faultlab-{os.getpid()}"
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Start everything and wait until it answers."""
        with ExitStack() as undo:
            undo.callback(self._close)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.points.mkdir(parents=True)
            self._prepare()
            self._start()
            self._open = undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, by process id."""
        self._open.close()

    @property
    def names(self) -> list[str]:
        """The processes that run unless a fault says otherwise."""
        return [name for name in sorted(self.processes) if not name.endswith(SPARE)]

    @property
    def points(self) -> Path:
        """The folder in which each process notes the crash points that it came by."""
        return self.folder / "points"

    @property
    def broker_uri(self) -> str:
        """The broker itself, past every proxy."""
        return self.rabbitmq.uri(self._vhost)

    def addresses(self, service: str) -> list[str]:
        """Return where a service's running workers answer."""
        place = self.places[service]
        roles = [role for role in place.ports if self.processes[f"{service}.{role}"].wanted]
        return [place.address(role) for role in roles or ["worker"]]

    @property
    def headers(self) -> Mapping[str, str]:
        """What proves that the lab may ask for what it asks."""
        return self._tokens.bearer(*self.subject.scopes, OPERATE, SCOPE)

    def set_clocks(self, now: datetime) -> None:
        """Set every service's clock."""
        for place in self.places.values():
            place.clock.set(now)

    @contextmanager
    def look(self, service: str) -> Iterator[Look]:
        """Look into a service's database and the handlers' files; raises Unavailable."""
        with self.places[service].database.read() as db:
            yield Look(db=db, folder=self.folder)

    def unsettled(self) -> list[str]:
        """Return what is still under way, in words."""
        now = min(place.clock.now() for place in self.places.values())
        try:
            known = self.progress()
            waiting = [
                f"{name}: {its['parked']} parked" for name, its in known.items() if its["parked"]
            ]
            return [*unsettled(known, now), *waiting]
        except Unavailable as error:
            return [str(error)]

    def progress(self) -> Mapping[str, Any]:
        """Return how far each service has come; raises Unavailable."""
        found: dict[str, Any] = {}
        for name in self.places:
            with self.look(name) as look:
                found[name] = progress(look.db)
        return found

    def rest(self, seconds: float) -> list[str]:
        """Wait until nothing is under way, twice in a row; return what still is at the end."""
        deadline, quiet = time.monotonic() + seconds, 0
        while behind := self.unsettled() or ([] if quiet else ["one more look"]):
            quiet = int(behind == ["one more look"])
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_SECONDS)
        return behind

    def heal(self) -> None:
        """Take back whatever a fault may have left."""
        self.disk.free()
        for server in (self.rabbitmq, self.postgresql):
            server.start()
        for proxy in self.proxies.values():
            proxy.heal()
        for name, process in self.processes.items():
            process.resume()
            if name.endswith(SPARE):
                process.stop()
            else:
                process.start()

    def retry_parked(self) -> None:
        """Try again what is parked, by each error there is, as an operator does after a fix."""
        for service in self.places:
            with self.look(service) as look:
                waiting = [each.error for each in parked.listed(look.db) if each.error]
            for error in sorted({text.partition(":")[0] for text in waiting}):
                url = f"{self.addresses(service)[0]}/internal/v1/parked/retry"
                headers = {**self.headers, "Idempotency-Key": f"retry-{time.monotonic_ns()}"}
                _persistently(partial(httpx.post, url, json={"error": error}, headers=headers))

    def wait_ready(self, *names: str) -> None:
        """Wait until workers answer; fails with the log's end after a while."""
        deadline = time.monotonic() + READY_SECONDS
        for name in names:
            service, role = name.split(".", 1)
            while role.startswith("worker") and not _answers(self.places[service].address(role)):
                if time.monotonic() > deadline or not self.processes[name].alive:
                    tail = self.processes[name].log.read_text()[-2000:]
                    raise TimeoutError(f"{name} does not answer: {tail}")
                time.sleep(LOOK_SECONDS)

    def run_sql(self, statement: str, *values: object) -> None:
        """Run one statement of ours as the server's owner."""
        with psycopg.connect(self.postgresql.dsn(), autocommit=True) as db:
            db.execute(statement.encode(), values or None)

    def _prepare(self) -> None:
        self._tokens = Tokens(self.folder / "issuer")
        self.rabbitmq.vhost(self._vhost)
        if self.disk.there:
            self._drop_tablespace()
            self.run_sql(f"CREATE TABLESPACE {_TABLESPACE} LOCATION '{self.disk.folder}'")
        for name in self.subject.roles:
            url, keys_url = (
                self._database(f"faultlab_{name}"),
                self._database(f"faultlab_{name}_keys"),
            )
            migrate(url, name)
            migrate(keys_url, "chassis.key_store")
            self.places[name] = Place(name, url, keys_url, self.folder)

    def _database(self, name: str) -> str:
        url = self.postgresql.database(name)
        if self.disk.there:
            self.run_sql(f"ALTER DATABASE {name} SET TABLESPACE {_TABLESPACE}")
        # psycopg2: the one driver that eventlet can make wait without blocking.
        return url.replace("postgresql+psycopg://", "postgresql://")

    def _start(self) -> None:
        for service, roles in self.subject.roles.items():
            for role in roles:
                self._add(service, role, "")
                self._add(service, role, f".{SPARE}")
        for name in self.names:
            self.processes[name].start()
        self.wait_ready(*self.names)
        for service in self.subject.roles:
            self.witnesses[service] = Witness(service, self.broker_uri)
            self.witnesses[service].start()
        for witness in self.witnesses.values():
            witness.ready.wait(READY_SECONDS)
        tender = Tender(lambda: list(self.processes.values()))
        self._tending = ExitStack()
        self._tending.enter_context(tender)

    def _add(self, service: str, role: str, which: str) -> None:
        name = f"{service}.{role}{which}"
        self.proxies[name] = Proxy(self.rabbitmq.port)
        self.processes[name] = Running(
            name,
            build(role, service, self._broken.get(name, "")),
            {
                **os.environ,
                "PYTHONPATH": import_path(),
                **self._settings(service, f"{role}{which}", name),
            },
            self.folder / "logs" / name,
            first=() if name in self._broken else self._noting(name, role, service),
        )

    def _noting(self, name: str, role: str, service: str) -> list[str]:
        return python(f"{LAB}.points", str(self.points / f"{name}.txt"), f"chassis.{role}", service)

    def _settings(self, service: str, role: str, name: str) -> Mapping[str, str]:
        place = self.places[service]
        token = self._tokens.bearer(SCOPE)["Authorization"].removeprefix("Bearer ")
        sources = self.subject.upstream.get(service, ())
        feeds = ",".join(f"{source}={self.places[source].address()}" for source in sources)
        uri = self.broker_uri.replace(f":{self.rabbitmq.port}/", f":{self.proxies[name].port}/")
        return {
            "SERVICE": service, "ENVIRONMENT": "test", "DATABASE_URL": place.database.url,
            "KEYS_URL": place.keys_url, "AMQP_URI": uri, "SECRET": KEY, "MASTER_KEY": KEY,
            "JWKS": self._tokens.settings.jwks, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
            "HTTP_PORT": str(place.ports.get(role, 0)), "SERVICE_TOKEN": token, "FEEDS": feeds,
            "CLOCK_FILE": str(place.clock_file), "RETRY_SECONDS": "0.2,0.5,1",
            "FEED_POLL_SECONDS": "1", "PGAPPNAME": name,
            **self.subject.environment(self.folder),
        }  # fmt: skip

    def _close(self) -> None:
        if hasattr(self, "_tending"):
            self._tending.close()
        for process in self.processes.values():
            process.kill(for_good=True)
        for witness in self.witnesses.values():
            witness.stop()
        for proxy in self.proxies.values():
            proxy.close()
        self.disk.free()
        self._drop_databases()
        self.disk.close()

    def _drop_databases(self) -> None:
        self.rabbitmq.start().drop_vhost(self._vhost)
        self.postgresql.start()
        for name, place in self.places.items():
            place.database.close()
            self.postgresql.drop_database(f"faultlab_{name}")
            self.postgresql.drop_database(f"faultlab_{name}_keys")
        self._drop_tablespace()

    def _drop_tablespace(self) -> None:
        self.run_sql(f"DROP TABLESPACE IF EXISTS {_TABLESPACE}")


def _persistently(ask: Callable[[], httpx.Response]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            answer = ask()
            if not answer.is_server_error:
                answer.raise_for_status()
                return
        time.sleep(LOOK_SECONDS)
    raise TimeoutError("nobody answers")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=2).is_success
    except httpx.HTTPError:
        return False
