"""A whole service in one process without servers: SQLite, a fixed clock, its own routes."""

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text
from werkzeug.test import Client, TestResponse

from chassis.auth import Authority
from chassis.blueprint import Blueprint
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.delivery import Handler, attempt
from chassis.dev_issuer import DevelopmentIssuer
from chassis.entrypoints import HttpEdge
from chassis.envelope import Recorded
from chassis.follower import Follows
from chassis.ids import lane_of, new_id
from chassis.isolation import Roles
from chassis.jwks import key_source
from chassis.key_store import SqlKeys
from chassis.migrations import migrate
from chassis.reactions import Received, Works, in_unit_of_work, in_works
from chassis.roles import LIMIT, edge_of, followers_of
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.subscribe import Subscription
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.migrated import migrated
from chassis.testing.three_roles import divided
from chassis.timers import fire_due
from chassis.topology import subscription_name
from chassis.unit_of_work import UnitOfWork
from chassis.wsgi import Service, wsgi_app

MASTER_KEY = bytes(range(32))
ISSUER, AUDIENCE = "https://issuer.test", "sixfold"


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """A recorded event, decoded."""

    type: str
    event: Any
    envelope: Recorded


class Harness:
    """One service under test.

    Args:
        directory: An empty one; databases and the issuer's keys go there.
        database_url: Instead of a SQLite file in ``directory``, an empty PostgreSQL database as a
            superuser; it is given to three roles, as an operator would.
    """

    def __init__(
        self,
        blueprint: Blueprint,
        directory: Path,
        *,
        now: datetime = NOW,
        tenant: str = "acme",
        database_url: str | None = None,
    ) -> None:
        if database_url is None:
            url = system = migrated(directory / f"{blueprint.name}.db", blueprint.name)
        else:
            roles = Roles.named(f"sixfold_{blueprint.name}")
            addresses = divided(database_url, roles)
            migrate(addresses.owner, blueprint.name, roles=roles)
            url, system = addresses.application, addresses.system
        keys_url = migrated(directory / f"{blueprint.name}_keys.db", "chassis.key_store")
        self.tenant = tenant
        self.clock = FixedClock(now)
        self.blueprint = blueprint
        self.storage = Storage(
            service=blueprint.name,
            database=Database(url),
            everyones=Database(system) if system != url else None,
            registry=blueprint.registry,
            keys=SqlKeys(Database(keys_url), master_key=MASTER_KEY, clock=self.clock),
            clock=self.clock,
            secret=SECRET,
            inline=blueprint.inline,
        )
        self.followers: Sequence[Follows] = followers_of(blueprint, self.storage)
        self.edge = edge_of(blueprint)()
        self._issuer = DevelopmentIssuer(
            directory, environment="test", issuer=ISSUER, audience=AUDIENCE, clock=self.clock
        )
        self.client = Client(self._app())

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scopes: Sequence[str] = ("*",),
        tenant: str | None = None,
        subject: str = "tester",
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Make one request with a token of ``tenant``; a POST gets a fresh key unless given."""
        granted = self.all_scopes() if tuple(scopes) == ("*",) else scopes
        token = self._issuer.issue(tenant=tenant or self.tenant, subject=subject, scopes=granted)
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if method == "POST":
            sent.setdefault("Idempotency-Key", key or str(new_id()))
        return self.client.open(path, method=method, json=body, headers=sent)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        """POST and return the answer's JSON; a refusal fails the test with its problem."""
        answer = self.call("POST", path, body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json if answer.data else None

    def get(self, path: str, **more: Any) -> Any:
        """GET and return the answer's JSON; a refusal fails the test with its problem."""
        answer = self.call("GET", path, **more)
        assert answer.status_code < 300, answer.text
        return answer.json

    def receive(
        self, source: str, name: str, data: Mapping[str, Any], *, stream: str = "upstream-1",
        at: datetime | None = None, event_id: Any = None,
    ) -> None:  # fmt: skip
        """Hand another service's event to the method that subscribes to it."""
        reader = subscription_name(self.blueprint.name, source)
        recorded = self._foreign(name, data, stream, at or self.clock.now(), event_id)
        handler = self._handler(reader, source, name)
        with self.storage.system.begin() as db:
            error = attempt(db, handler, recorded)
        if error:
            raise error

    def settle(self) -> None:
        """Run projections, processes, gateways and due timers until nothing is left."""
        while self._number() + self._follow() + fire_due(self.storage):
            pass

    def advance_to(self, moment: datetime) -> None:
        """Move the clock, and let everything that became due happen."""
        self.settle()
        self.clock.set(moment)
        self.settle()

    def happened(self, *types: str) -> list[Happened]:
        """Return the log's events, of some types or all but the audit's, in order, decoded."""
        with self.storage.system.read() as db:
            recorded = self.storage.log(db).after(0, limit=1_000_000)
        return [
            Happened(
                type=stored.type,
                event=self.storage.registry.decode(stored, self.storage.keys),
                envelope=stored,
            )
            for stored in recorded
            if (stored.type in types if types else stored.type != "audit_recorded")
        ]

    def types(self) -> list[str]:
        """Return the wire names of everything that was recorded, without the chassis's own."""
        own = {"process_advanced", "timer_fired"}
        return [entry.type for entry in self.happened() if entry.type not in own]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Return the rows of a SELECT on the service's own database."""
        with self.storage.system.read() as db:
            return [dict(row) for row in db.execute(text(statement)).mappings()]

    def all_scopes(self) -> list[str]:
        """Return every scope that a route of the service asks for, and ``import``."""
        scopes = {edge.route.scope for edge, _ in self._edges() if edge.route.scope}
        return sorted({*scopes, "import"})

    def _handler(self, reader: str, source: str, name: str) -> Handler:
        """Return the handler of another service's event, as a delivery would call it."""
        subscription, method = subscriber(type(self.edge), source, name)

        def received(event: Recorded) -> Received:
            return Received(data=self.blueprint.upstream.load(source, event), envelope=event)

        def react(work: UnitOfWork, event: Recorded) -> None:
            method(self.edge, work, received(event))

        def react_to_all(works: Works) -> None:
            method(self.edge, works, [received(event) for event in works.fresh])

        if subscription.batch:
            return in_works(self.storage, reader, react_to_all)
        return in_unit_of_work(self.storage, reader, react)

    def _follow(self) -> int:
        return sum(follower.step() for follower in self.followers)

    def _number(self) -> int:
        """Give new events their positions, as the sequencer does where there is one."""
        if self.storage.database.is_sqlite:
            return 0
        with self.storage.system.begin() as db:
            return sequence(db, limit=LIMIT)

    def _app(self) -> Any:
        routes = [(edge.route, method) for edge, method in self._edges()]
        keys = key_source(str(self._issuer.jwks), ISSUER, "test", self.clock)
        authority = Authority(keys, issuer=ISSUER, audience=AUDIENCE, clock=self.clock)
        return wsgi_app(Service(name=self.blueprint.name), routes, self.storage, authority)

    def _edges(self) -> list[tuple[HttpEdge, Callable[..., Any]]]:
        return [
            (entrypoint, method)
            for _, method in inspect.getmembers(self.edge, inspect.ismethod)
            for entrypoint in getattr(method, "nameko_entrypoints", ())
            if isinstance(entrypoint, HttpEdge)
        ]

    def _foreign(
        self, name: str, data: Mapping[str, Any], stream: str, at: datetime, event_id: Any
    ) -> Recorded:
        identity = event_id or new_id()
        return Recorded(
            id=identity, tenant=self.tenant, stream=stream, version=1, type=name,
            schema_version=1, lane=lane_of(self.tenant, stream), occurred_at=at, recorded_at=at,
            actor="user:elsewhere", command_id=identity, correlation_id=identity,
            causation_id=identity, traceparent=None, subjects=(),
            data=json.dumps(data).encode(), position=1, prev=0, chain=bytes(32),
        )  # fmt: skip


def subscriber(edge: type[Any], source: str, name: str) -> tuple[Subscription, Callable[..., Any]]:
    """Return the subscription to one producer's event, and the method that takes it."""
    for _, method in inspect.getmembers(edge, inspect.isfunction):
        for entrypoint in getattr(method, "nameko_entrypoints", ()):
            if isinstance(entrypoint, Subscription) and _takes(entrypoint, source, name):
                return entrypoint, method
    raise AssertionError(f"{edge.__name__} does not subscribe to {source} {name}")


def _takes(entrypoint: Subscription, source: str, name: str) -> bool:
    return entrypoint.source == source and name in entrypoint.types
