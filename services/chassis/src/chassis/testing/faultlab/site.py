"""Services as the processes that they are in production, on servers and clocks of the lab."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from chassis import parked
from chassis.errors import Unavailable
from chassis.feed import SCOPE
from chassis.internal_routes import OPERATE
from chassis.migrations import migrate
from chassis.progress import progress, unsettled
from chassis.testing.faultlab.asking import LOOK_SECONDS, answers, persistently, told_progress
from chassis.testing.faultlab.databases import Databases
from chassis.testing.faultlab.disk import SmallDisk
from chassis.testing.faultlab.place import LAB, RUN, SPARE, Place, address, build, import_path
from chassis.testing.faultlab.proxy import Proxy
from chassis.testing.faultlab.role import Role
from chassis.testing.faultlab.running import Running, Tender, python
from chassis.testing.faultlab.subject import TENANT, Around, Look, Subject
from chassis.testing.faultlab.witness import Witness
from chassis.testing.nodes import free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.settings import UNLIMITED
from chassis.testing.web import AUDIENCE, ISSUER, Tokens

KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
READY_SECONDS = 90.0
NOBODY = "http://127.0.0.1:9"


class Site:
    """An installation of the subject's services, with spare processes that faults may start.

    Args:
        subject: What is installed.
        folder: Logs, clocks and the handlers' files; emptied.
        rabbitmq: The broker, started.
        postgresql: The database server, started.
        broken: Which processes are broken builds, and how.
        disk: For the databases; a small one unless told otherwise.
    """

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        rabbitmq: PrivateRabbitMQ,
        postgresql: PrivatePostgreSQL,
        *,
        broken: Mapping[str, str] | None = None,
        disk: SmallDisk | None = None,
    ) -> None:
        self.subject = subject
        self.folder = folder.absolute()
        self.rabbitmq, self.postgresql = rabbitmq, postgresql
        self.places: dict[str, Place] = {}
        self.processes: dict[str, Running] = {}
        self.outsiders: dict[str, Running] = {}
        self.proxies: dict[str, Proxy] = {}
        self.witnesses: dict[str, Witness] = {}
        self.databases = Databases(postgresql, disk or SmallDisk())
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

    @property
    def leading(self) -> list[str]:
        """The processes that carry logs to the bus, without spares."""
        return [name for name in self.names if self.role_of(name).leads]

    def consuming(self, service: str) -> list[str]:
        """Return the processes that take events in for a service, spares among them."""
        return [
            name
            for name, process in self.processes.items()
            if process.service == service and self.role_of(name).consumes
        ]

    def role_of(self, name: str) -> Role:
        """Return what a process is."""
        return self.subject.role(self.processes[name].role)

    def addresses(self, service: str) -> list[str]:
        """Return where a service's running processes answer."""
        place = self.places[service]
        serving = {role: self.processes.get(f"{service}.{role}") for role in place.ports}
        running = [role for role, process in serving.items() if process and process.wanted]
        return [place.address(role) for role in running or [""]]

    def headers(self, tenant: str = TENANT) -> Mapping[str, str]:
        """Return what proves that the lab may ask for what it asks."""
        return self._tokens.bearer(*self.subject.scopes, OPERATE, SCOPE, tenant=tenant)

    def ask(self, service: str, path: str, *, tenant: str = TENANT) -> Any:
        """Ask a service over HTTP until it answers; raises Unavailable after a while."""
        url, headers = self.addresses(service)[0] + path, self.headers(tenant)
        return persistently(partial(httpx.get, url, headers=headers, timeout=30)).json()

    def set_clocks(self, now: datetime) -> None:
        """Set every service's clock."""
        for place in self.places.values():
            place.clock.set(now)

    @contextmanager
    def look(self, service: str) -> Iterator[Look]:
        """Look into a service's database and the handlers' files; raises Unavailable."""
        with self.places[service].database.read() as db:
            yield Look(db=db, folder=self.folder)

    def unsettled(self, known: Mapping[str, Any]) -> list[str]:
        """Return what is still under way at some progress, in words."""
        now = min(place.clock.now() for place in self.places.values())
        waiting = [
            f"{name}: {its['parked']} parked" for name, its in known.items() if its["parked"]
        ]
        return [*unsettled(known, now), *waiting, *self.subject.under_way(self.folder)]

    def progress(self) -> dict[str, Any]:
        """Return how far each service has come; raises Unavailable."""
        found: dict[str, Any] = {}
        for name in self.places:
            if self.subject.keeps_apart(name):
                found[name] = told_progress(self.places[name].address(), self.headers())
            else:
                with self.look(name) as look:
                    found[name] = progress(look.db)
        return found

    def rest(self, seconds: float) -> list[str]:
        """Wait until nothing is under way; return what still is at the end.

        Two equal looks are needed: what moved during one may have been seen on neither side.
        """
        deadline, before = time.monotonic() + seconds, dict[str, Any]()
        while True:
            try:
                known = self.progress()
                behind = self.unsettled(known) or ([] if known == before else ["one more look"])
            except Unavailable as error:
                known, behind = dict[str, Any](), [str(error)]
            if not behind or time.monotonic() > deadline:
                return behind
            before = known
            time.sleep(LOOK_SECONDS)

    def heal(self) -> None:
        """Take back whatever a fault may have left."""
        self.databases.disk.free()
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
                headers = {**self.headers(), "Idempotency-Key": f"retry-{time.monotonic_ns()}"}
                persistently(partial(httpx.post, url, json={"error": error}, headers=headers))

    def wait_ready(self, *names: str) -> None:
        """Wait until processes answer that serve; fails with the log's end after a while."""
        deadline = time.monotonic() + READY_SECONDS
        for name in names:
            service, role = name.split(".", 1)
            place = self.places[service]
            while role in place.ports and not answers(place.address(role)):
                if time.monotonic() > deadline or not self.processes[name].alive:
                    tail = self.processes[name].log.read_text()[-2000:]
                    raise TimeoutError(f"{name} does not answer: {tail}")
                time.sleep(LOOK_SECONDS)

    def _prepare(self) -> None:
        self._tokens = Tokens(self.folder / "issuer")
        self.rabbitmq.vhost(self._vhost)
        self.databases.prepare()
        names = list(self.subject.outside)
        self._outside_ports = dict(zip(names, free_ports(len(names)), strict=True))
        for name, roles in self.subject.roles.items():
            url, keys_url = map(self.databases.create, _databases_of(name))
            migrate(url, name)
            migrate(keys_url, "chassis.key_store")
            serving = [role for role in roles if self.subject.role(role).serves]
            self.places[name] = Place(name, url, keys_url, self.folder, serving)

    def _start(self) -> None:
        for name, module in self.subject.outside.items():
            self._add_outsider(name, module)
        for service, roles in self.subject.roles.items():
            for role in roles:
                self._add(service, role, "")
                if not self.subject.role(role).alone:
                    self._add(service, role, f".{SPARE}")
        for process in self.outsiders.values():
            process.start()
        for name in self.names:
            self.processes[name].start()
        self.wait_ready(*self.names)
        for service in self.subject.roles:
            self.witnesses[service] = Witness(service, self.broker_uri)
            self.witnesses[service].start()
        for witness in self.witnesses.values():
            witness.ready.wait(READY_SECONDS)
        tender = Tender(lambda: [*self.processes.values(), *self.outsiders.values()])
        self._tending = ExitStack()
        self._tending.enter_context(tender)

    def _add(self, service: str, role: str, which: str) -> None:
        name = f"{service}.{role}{which}"
        self.proxies[name] = Proxy(self.rabbitmq.port)
        self.processes[name] = Running(
            name,
            build(self.subject.role(role), service, self._broken.get(name, "")),
            {**self._inherited(), **self._settings(service, f"{role}{which}", name)},
            self.folder / "logs" / name,
            first=() if name in self._broken else self._noting(name, role, service),
        )

    def _add_outsider(self, name: str, module: str) -> None:
        self.outsiders[name] = Running(
            f"outside.{name}",
            python(module),
            {**self._inherited(), "SECRET": KEY, **self.subject.environment(self._around)},
            self.folder / "logs" / name,
        )

    def _noting(self, name: str, role: str, service: str) -> list[str]:
        runs = self.subject.role(role).runs
        return python(f"{LAB}.points", str(self.points / f"{name}.txt"), RUN, runs, service)

    def _inherited(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": import_path()}

    @property
    def _around(self) -> Around:
        services = {name: place.address() for name, place in self.places.items() if place.ports}
        outside = {name: address(port) for name, port in self._outside_ports.items()}
        return Around(folder=self.folder, urls=services | outside)

    def _settings(self, service: str, role: str, name: str) -> Mapping[str, str]:
        place = self.places[service]
        token = self._tokens.bearer(SCOPE)["Authorization"].removeprefix("Bearer ")
        uri = self.broker_uri.replace(f":{self.rabbitmq.port}/", f":{self.proxies[name].port}/")
        return {
            "SERVICE": service, "ENVIRONMENT": "test", "DATABASE_URL": place.database.url,
            "KEYS_URL": place.keys_url, "AMQP_URI": uri, "SECRET": KEY, "MASTER_KEY": KEY,
            "JWKS": str(self._tokens.settings.jwks), "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
            "HTTP_PORT": str(place.ports.get(role, 0)), "SERVICE_TOKEN": token,
            "FEEDS": ",".join(self._feeds(service)), "CLOCK_FILE": str(place.clock_file),
            "RETRY_SECONDS": "0.2,0.5,1", "FEED_POLL_SECONDS": "1", "PGAPPNAME": name,
            **UNLIMITED,
            **self.subject.environment(self._around),
        }  # fmt: skip

    def _feeds(self, service: str) -> Iterator[str]:
        for source in self.subject.upstream.get(service, ()):
            yield f"{source}={self.places[source].address()}"
        for source in self.subject.absent.get(service, ()):
            yield f"{source}={NOBODY}"

    def _close(self) -> None:
        if hasattr(self, "_tending"):
            self._tending.close()
        for process in (*self.processes.values(), *self.outsiders.values()):
            process.kill(for_good=True)
        for witness in self.witnesses.values():
            witness.stop()
        for proxy in self.proxies.values():
            proxy.close()
        self.rabbitmq.start().drop_vhost(self._vhost)
        for place in self.places.values():
            place.database.close()
        self.databases.drop(name for service in self.places for name in _databases_of(service))


def _databases_of(service: str) -> tuple[str, str]:
    return f"faultlab_{service}", f"faultlab_{service}_keys"
