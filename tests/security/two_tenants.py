"""One service in this process, with a first tenant's rows everywhere and a second one that asks."""

import inspect
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any
from uuid import UUID

from sqlalchemy import event
from werkzeug.test import TestResponse

from chassis.callbacks import SIGNATURE_HEADER, SignedCallback, sign
from chassis.clock import SystemClock
from chassis.decider import Decider
from chassis.entrypoints import routes_of
from chassis.roles import blueprint_of
from chassis.routes import Route
from chassis.testing.harness import Harness
from made_up import body_of, fill, rows_of

FIRST, SECOND = "acme", "beta"
THEIRS, NOBODYS = UUID("0e1f7c3a-5b1d-4c62-9d0f-7a4f0c9d2b11"), UUID(int=0xBEEF << 64)
INSTALLATION = {"operate", "log.read", "platform.admin"}
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WHO = re.compile(r"\b(beta|delta)\b")
_VALUE = re.compile(r"[xX]?'(?:[^']|'')*'|\b\d+\b|\?")
_PARAMETER = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What one request lets its caller know: the answer, and the work that made it take time."""

    status: int
    body: str
    headers: Mapping[str, str]
    statements: Sequence[str]


class TwoTenants:
    """A service whose first tenant has a row about one id in every table.

    Args:
        service: Its package.
        directory: An empty one.
    """

    def __init__(self, service: str, directory: Path) -> None:
        blueprint = blueprint_of(service)
        self.service = Harness(blueprint, directory, tenant=SECOND)
        self.routes: list[Route] = routes_of(type(self.service.edge))
        fill(self.service.storage.database, FIRST, THEIRS, streams_of(service, THEIRS))
        self._statements: list[str] = []
        self._watch()

    @property
    def scopes(self) -> list[str]:
        """Every right that a tenant can give to its people."""
        return [scope for scope in self.service.all_scopes() if scope not in INSTALLATION]

    def theirs(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that the first tenant has."""
        return rows_of(self.service.storage.database, FIRST)

    def ask(
        self,
        route: Route,
        identity: UUID,
        *,
        tenant: str = SECOND,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> TestResponse:
        """Make a route's request about an id, with whatever body it takes."""
        body = body_of(route.body, identity) if route.body else None
        return self.service.call(
            route.method,
            path_of(route, identity),
            body,
            tenant=tenant,
            scopes=self.scopes,
            headers=headers,
            key=key or f"about-{identity}",
        )

    def visit(self, route: Route, identity: UUID, host: str) -> TestResponse:
        """Open a shop's page, or send its form, as a browser would."""
        path = path_of(route, identity, tenant=SECOND)
        form = body_of(route.body, identity) if route.body else None
        headers = {"Host": host, "Origin": f"https://{host}"}
        return self.service.client.open(path, method=route.method, data=form, headers=headers)

    def signed(self, route: Route, identity: UUID, *, signer: str, at: str) -> TestResponse:
        """Send a callback about an id to one tenant's address with another's signature."""
        assert isinstance(route.tenant_from, SignedCallback)
        assert route.body is not None
        path = path_of(route, identity, tenant=at)
        body = json.dumps(body_of(route.body, identity)).encode()
        (secret, *_) = route.tenant_from.secrets_of(signer)
        header = sign(secret, at=SystemClock().now(), path=path, body=body)
        headers = {SIGNATURE_HEADER: header, "Content-Type": "application/json"}
        return self.service.client.post(path, data=body, headers=headers)

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """Give the statements that are run meanwhile."""
        self._statements.clear()
        yield self._statements

    def _watch(self) -> None:
        """Note every statement that SQLite is given, whoever gives it."""
        storage = self.service.storage
        for database in (storage.database,):
            database.engine.dispose()

            @event.listens_for(database.engine, "connect")
            def trace(connection: Any, _: Any) -> None:
                connection.set_trace_callback(self._statements.append)


def told(answer: TestResponse, statements: Sequence[str]) -> Told:
    """Return what an answer tells, without what differs between any two requests."""
    body = _WHO.sub("a-tenant", _ID.sub("an-id", answer.get_data(as_text=True)))
    if answer.mimetype in ("application/json", "application/problem+json"):
        known = json.loads(body)
        for name in ("trace_id", "instance", "next"):
            if isinstance(known, dict):
                known.pop(name, None)
        body = json.dumps(known, sort_keys=True)
    headers = {name: value for name, value in answer.headers if name in ("ETag", "Location")}
    return Told(
        status=answer.status_code,
        body=re.sub(r"value=\"[^\"]*\"", "", body),
        headers={name: _ID.sub("an-id", value) for name, value in headers.items()},
        # What the caller may use of its own is read anew every now and then, whatever is asked.
        statements=[
            _VALUE.sub("?", _ID.sub("an-id", one)) for one in statements if "quota_" not in one
        ],
    )


def path_of(route: Route, identity: UUID, *, tenant: str = SECOND) -> str:
    """Return a route's path with an id in every place that takes one."""

    def filled(found: re.Match[str]) -> str:
        if found[2] == "tenant":
            return tenant
        if found[2] == "marketplace":
            return "taobao"
        return "4711" if found[1] == "int" else str(identity)

    return _PARAMETER.sub(filled, route.path)


def streams_of(service: str, identity: UUID) -> list[str]:
    """Return the name that each kind of a service's streams has for an id."""
    package = import_module(service)
    modules = [import_module(f"{service}.{one.name}") for one in iter_modules(package.__path__)]
    deciders = {
        id(found): found
        for module in modules
        for _, found in inspect.getmembers(module, lambda one: isinstance(one, Decider))
    }
    return sorted({decider.stream(identity) for decider in deciders.values()})
