"""One service in the simulation: what outlives its processes, and what is known about it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from chassis import direct
from chassis.blueprint import Blueprint, Calls
from chassis.clock import FixedClock
from chassis.database import directly
from chassis.delivery import Batched, Delivery, Handler, keep_nobody_out
from chassis.envelope import Recorded
from chassis.follower import Gateway
from chassis.parked import LADDER
from chassis.privacy import MemoryKeys
from chassis.roles import edge_of
from chassis.storage import Storage
from chassis.subscribe import Subscription
from chassis.testing.contexts import SECRET
from chassis.testing.simulation.clock import SkewedClock
from chassis.testing.simulation.databases import Rows, SimulatedDatabase
from chassis.testing.simulation.points import Points
from chassis.testing.subscribers import subscribers
from chassis.topology import subscription_name

EFFECTS = """CREATE TABLE simulated_effects (
    number INTEGER PRIMARY KEY, reader TEXT NOT NULL, position INTEGER NOT NULL,
    data BLOB NOT NULL)"""
_NOTE = """INSERT INTO simulated_effects (reader, position, data)
VALUES (:reader, :position, :data)"""


class Poisoned(Exception):
    """A handler that fails for a while."""


@dataclass(slots=True)
class Sickness:
    """A handler's next failures."""

    times: int
    error: type[Exception]


@dataclass(kw_only=True, slots=True)
class SimulatedService:
    """What a service keeps when its processes die, and what the world knows about it.

    Args:
        called: Positions of the events for which a gateway called out, by its name.
        handled: The wire names that each reader takes.
        sick: Readers whose handlers fail, and how often still.
        stumbled: Readers that ever had something parked.
    """

    blueprint: Blueprint
    database: SimulatedDatabase
    clock: SkewedClock
    edge: Any
    methods: Mapping[str, Sequence[Subscription]]
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    feed_away: bool = False
    forked: bool = False
    backup: Rows | None = None
    called: dict[str, list[tuple[int, bytes]]] = field(default_factory=dict)
    handled: dict[str, frozenset[str]] = field(default_factory=dict)
    sick: dict[str, Sickness] = field(default_factory=dict)
    stumbled: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The service's name."""
        return self.blueprint.name

    @property
    def readers(self) -> list[str]:
        """Every reader that can fall sick: its own log's and its subscriptions."""
        folding = [projection.name for projection in self.blueprint.projections]
        managing = [process.name for process in self.blueprint.processes]
        return [
            *folding,
            *managing,
            *(subscription_name(self.name, source) for source in self.methods),
        ]

    def has(self, event: Recorded) -> bool:
        """Say whether the service's log has an event."""
        found = "SELECT 1 FROM events WHERE position = ? AND chain = ?"
        return bool(self.database.run(found, (event.position, event.chain)))

    def storage(self) -> Storage:
        """Return what a new process of the service opens."""
        return Storage(
            service=self.name,
            database=self.database,
            registry=self.blueprint.registry,
            keys=self.keys,
            clock=self.clock,
            secret=SECRET,
            inline=self.blueprint.inline,
        )

    def delivery(
        self,
        name: str,
        database: Any,
        handlers: Mapping[str, Handler],
        *,
        around: Callable[[Callable[[], Any]], Any] = directly,
        ladder: Sequence[float] = LADDER,
        hold: Callable[[Connection], object] = keep_nobody_out,
    ) -> Delivery:
        """Return a delivery whose handlers are watched and can be made to fail."""
        self.handled[name] = frozenset(handlers)
        # One for each, as before: what has one handler is handed over together.
        watched = {
            handler: Batched(handle=partial(self._handle, name, handler))
            for handler in handlers.values()
        }
        every = {kind: watched[handler] for kind, handler in handlers.items()}
        return Delivery(
            name, database, every, clock=self.clock, around=around, ladder=ladder, hold=hold
        )

    def gateway(self, name: str, database: Any, calls: Calls, **_: Any) -> Gateway:
        """Return a gateway on the simulated time."""
        self.handled[name] = frozenset(calls)
        return Gateway(name, database, calls, clock=self.clock, monotonic=self.clock.monotonic)

    def fail_if_sick(self, reader: str) -> None:
        """Fail, if a handler is to fail for a while."""
        sickness = self.sick.get(reader)
        if sickness and sickness.times:
            sickness.times -= 1
            self.stumbled.add(reader)
            raise sickness.error("simulated: the handler fails")

    def _handle(
        self, reader: str, handler: Handler, db: Connection, events: Sequence[Recorded]
    ) -> None:
        self.fail_if_sick(reader)
        try:
            _hand_over(handler, db, events)
        except Exception:
            self.stumbled.add(reader)
            raise
        # In the handler's own savepoint: it stands exactly when the handler's writes do.
        rows = [
            {"reader": reader, "position": event.position, "data": event.data} for event in events
        ]
        direct.execute_many(db, _NOTE, rows)


def _hand_over(handler: Handler, db: Connection, events: Sequence[Recorded]) -> None:
    if isinstance(handler, Batched):
        handler.handle(db, events)
        return
    for event in events:
        handler(db, event)


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What is made once for all schedules: the database's engine, the edge, the empty copy."""

    blueprint: Blueprint
    database: SimulatedDatabase
    edge: Any
    methods: Mapping[str, Sequence[Subscription]]
    empty: Rows


def installed(
    blueprint: Blueprint, empty: bytes, points: Points, *, producers: Collection[str]
) -> Installed:
    """Install a service.

    Args:
        blueprint: The service.
        empty: The file of its database before the first event.
        points: Where its processes can be interrupted.
        producers: The services whose events can come; subscriptions to others are left out.
    """
    edge = edge_of(blueprint)
    methods = {source: of for source, of in subscribers(edge).items() if source in producers}
    database = SimulatedDatabase(points)
    database.load(empty)
    return Installed(
        blueprint=blueprint,
        database=database,
        edge=edge() if methods else None,
        methods=methods,
        empty=database.copy(),
    )


Outside = Callable[[SimulatedService, str, Recorded], None]


def opened(made: Installed, world: FixedClock, outside: Outside) -> SimulatedService:
    """Return a service before its first event.

    Args:
        made: What is installed.
        world: The time that its clock derives from.
        outside: Is called with (service, gateway, event) instead of what gateways really call.
    """
    service = SimulatedService(
        blueprint=made.blueprint,
        database=made.database,
        clock=SkewedClock(world),
        edge=made.edge,
        methods=made.methods,
    )
    gateways = {
        name: partial(_calls, partial(outside, service, name), make)
        for name, make in made.blueprint.gateways.items()
    }
    service.blueprint = replace(made.blueprint, gateways=gateways)
    service.database.away = False
    service.database.restore(made.empty)
    return service


def _calls(
    told: Callable[[Recorded], None], make: Callable[[Storage], Calls], storage: Storage
) -> Calls:
    return dict.fromkeys(make(storage), told)
