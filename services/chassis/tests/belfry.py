"""A service of bells, with a read model that follows its log and one that its commands check."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, select, text

from bus_service import _Op
from chassis import processes, tables
from chassis.blueprint import Blueprint
from chassis.changes import Change, Changes, Row, delete, keep, plus, put, update
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Envelope
from chassis.errors import Conflict
from chassis.events import EventRegistry
from chassis.follower import Follower
from chassis.log_schema import create_v1
from chassis.privacy import MemoryKeys
from chassis.projections import Projection
from chassis.read_models import page_delivery
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.upstream import Upstream

registry = EventRegistry("belfry")
processes.declare(registry)


@registry.event("hung")
@dataclass(frozen=True, kw_only=True, slots=True)
class Hung:
    """A bell was hung in a tower."""

    bell: str
    tower: str


@registry.event("rung")
@dataclass(frozen=True, kw_only=True, slots=True)
class Rung:
    """A bell rang."""

    bell: str
    times: int


@registry.event("silenced")
@dataclass(frozen=True, kw_only=True, slots=True)
class Silenced:
    """Every bell of a tower was counted anew from nothing."""

    tower: str


@registry.event("melted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Melted:
    """A bell is no more."""

    bell: str


metadata = MetaData()
tables.define_all(metadata)
bells = Table(
    "bells",
    metadata,
    Column("tenant", String(50), primary_key=True),
    Column("bell", String(50), primary_key=True),
    Column("tower", String(50), nullable=False),
    Column("rings", Integer, nullable=False),
    Index("bells_by_tower", "tenant", "tower"),
)
ringers = Table(
    "ringers",
    metadata,
    Column("tenant", String(50), primary_key=True),
    Column("bell", String(50), primary_key=True),
    Column("last", Integer, nullable=False),
)

rings = Projection("rings", [bells])
seen = Projection("ringers", [ringers])


@rings.fold(Hung)
def hang(event: Hung, stored: Envelope) -> Changes:
    """List a bell, if it is not yet; its count goes on, so what is folded twice shows."""
    yield keep(bells, tenant=stored.tenant, bell=event.bell, tower=event.tower, rings=0)


@rings.fold(Rung)
def ring(event: Rung, stored: Envelope) -> Changes:
    """Count."""
    if event.times < 0:
        raise ValueError("nobody rings backwards")

    def more(row: Row | None) -> Row | None:
        return row and plus(row, {"rings": event.times})

    yield Change(bells, {"tenant": stored.tenant, "bell": event.bell}, more)


@rings.fold(Silenced)
def silence(event: Silenced, stored: Envelope) -> Changes:
    """Count every bell of the tower anew."""
    yield update(bells, {"tenant": stored.tenant, "tower": event.tower}, rings=0)


@rings.fold(Melted)
def melt(event: Melted, stored: Envelope) -> Changes:
    """List the bell no longer."""
    yield delete(bells, {"tenant": stored.tenant, "bell": event.bell})


@seen.fold(Rung)
def remember(event: Rung, stored: Envelope) -> Changes:
    """Remember how often it rang last."""
    yield put(ringers, tenant=stored.tenant, bell=event.bell, last=event.times)


def blueprint(*projections: Projection, inline: Sequence[Projection] = (seen,)) -> Blueprint:
    """Return the service."""
    return Blueprint(
        name="belfry",
        registry=registry,
        upstream=Upstream(),
        edge="",
        inline=inline,
        projections=projections or (rings,),
    )


def made(url: str) -> Storage:
    """Return the storage of a new belfry."""
    storage = opened(url)
    with storage.system.begin() as db:
        create_v1(_Op(db))
        metadata.create_all(db)
    return storage


def opened(url: str) -> Storage:
    """Return the storage of a belfry that exists."""
    return Storage(
        service="belfry",
        database=Database(url),
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
        inline=(seen,),
    )


def record(storage: Storage, events: Iterable[Any]) -> None:
    """Record events, each in the stream of its bell or tower; tries again when beaten."""
    for event in events:
        stream = f"bell-{getattr(event, 'bell', None) or event.tower}"
        while True:
            try:
                with storage.begin(context()) as work:
                    version = len(work.log.stream("acme", stream))
                    work.add(stream, [event], expected_version=version)
                break
            except Conflict:
                continue


def number(storage: Storage) -> int:
    """Give events their positions where a sequencer does."""
    if storage.database.is_sqlite:
        return 0
    with storage.system.begin() as db:
        return sequence(db, limit=1000)


def follower(storage: Storage, *, page: int = 500, projection: Projection = rings) -> Follower:
    """Return what a relay runs for the read model."""
    return Follower(delivery(storage, projection), storage.database, batch=page)


def delivery(storage: Storage, projection: Projection = rings) -> Delivery:
    """Return what hands the follower's pages to the read model."""
    return page_delivery(storage, projection)


def settle(storage: Storage, projection: Projection = rings) -> None:
    """Number and fold until nothing is left."""
    reader = follower(storage, projection=projection)
    while number(storage) + reader.step():
        pass


def rows(storage: Storage, table: Table) -> list[dict[str, Any]]:
    """Return a table's rows by key."""
    with storage.system.read() as db:
        found = db.execute(select(table).order_by(*table.primary_key)).mappings()
        return [dict(row) for row in found]


def tamper(storage: Storage, statement: str) -> None:
    """Change rows behind everybody's back."""
    with storage.system.begin() as db:
        db.execute(text(statement))


def expected(storage: Storage) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of both read models, folded from the log by a few lines of Python."""
    counts: dict[str, dict[str, Any]] = {}
    last: dict[str, dict[str, Any]] = {}
    with storage.system.read() as db:
        stored = storage.log(db).after(0, limit=1_000_000)
    for event in (registry.decode(one, storage.keys) for one in stored):
        count_in(counts, event)
        if isinstance(event, Rung):
            last[event.bell] = {"tenant": "acme", "bell": event.bell, "last": event.times}
    return [counts[key] for key in sorted(counts)], [last[key] for key in sorted(last)]


def count_in(counts: dict[str, dict[str, Any]], event: Any) -> None:
    """Fold one event over a dictionary: what the read model must come to."""
    match event:
        case Hung(bell=bell, tower=tower):
            counts.setdefault(bell, {"tenant": "acme", "bell": bell, "tower": tower, "rings": 0})
        case Rung(bell=bell, times=times) if bell in counts:
            counts[bell]["rings"] += times
        case Silenced(tower=tower):
            for row in counts.values():
                row["rings"] *= row["tower"] != tower
        case Melted(bell=bell):
            counts.pop(bell, None)
