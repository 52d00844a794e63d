"""A read model built from the log by folding pages, beside one transaction for each event."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from sqlalchemy import BigInteger, Column, MetaData, String, Table, text

from bench.results import Result, paired
from chassis import checkpoints, parked
from chassis.changes import Changes, insert, update
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.envelope import Envelope
from chassis.events import EventRegistry
from chassis.follower import Follower
from chassis.log import Append, Draft
from chassis.log_postgresql import SCHEMA_V1, PostgresqlLog
from chassis.privacy import MemoryKeys
from chassis.projections import Projection
from chassis.read_models import PAGE, page_delivery
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.servers import PrivatePostgreSQL

ORDERS, PEER_EVENTS, ROUNDS = 10_000, 300, 3
registry = EventRegistry("bench")
metadata = MetaData()
checkpoints.define_table(metadata)
parked.define_table(metadata)


def _board(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("order_id", String(36), primary_key=True),
        Column("status", String(20), nullable=False),
        Column("total", BigInteger, nullable=False),
        Column("currency", String(3), nullable=False),
    )


@registry.event("placed")
@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """An order was placed."""

    order_id: str
    total: int
    currency: str


@registry.event("changed")
@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """An order has another status."""

    order_id: str
    status: str


def _projection(name: str) -> Projection:
    board = _board(name)
    projection = Projection(name, [board])

    @projection.fold(Placed)
    def place(event: Placed, stored: Envelope) -> Changes:
        yield insert(
            board,
            tenant=stored.tenant,
            order_id=event.order_id,
            status="placed",
            total=event.total,
            currency=event.currency,
        )

    @projection.fold(Changed)
    def change(event: Changed, stored: Envelope) -> Changes:
        order = {"tenant": stored.tenant, "order_id": event.order_id}
        yield update(board, order, status=event.status)

    return projection


FOLDED, PEER = _projection("folded"), _projection("one_by_one")


def rebuild_vs_per_event(postgresql: PrivatePostgreSQL) -> Result:
    """Compare in interleaved rounds over one log, fsync on.

    Both sides are the follower that a relay runs with the same folds; a step of the peer takes
    one event.
    """
    database = Database(postgresql.database("rebuild"))
    _fill(database)
    pairs = []
    for _ in range(ROUNDS):
        _empty(database)
        pairs.append(
            (
                _rate(_follower(database, FOLDED, PAGE).step),
                _rate(_up_to(_follower(database, PEER, 1).step, PEER_EVENTS)),
            )
        )
    database.close()
    return paired("rebuild_vs_per_event", "events/s", pairs)


def _fill(database: Database) -> None:
    """Record three events for each order: all placed first, then changed twice."""
    with database.begin() as db:
        for statement in SCHEMA_V1:
            db.execute(text(statement))
        metadata.create_all(db)
    storage = _storage(database)
    with database.begin() as db:
        for first in range(0, ORDERS, 1000):
            wanted = [
                Append(stream=f"order-{n}", expected_version=0, drafts=_drafts(storage, n))
                for n in range(first, first + 1000)
            ]
            PostgresqlLog(db).append(context(), wanted, recorded_at=NOW)
    with database.begin() as db:
        while sequence(db):
            pass
    with database.autocommit() as connection, connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _drafts(storage: Storage, number: int) -> list[Draft]:
    order_id = f"{number:08x}-0000-4000-8000-000000000000"
    history = (
        Placed(order_id=order_id, total=number, currency="TWD"),
        Changed(order_id=order_id, status="confirmed"),
        Changed(order_id=order_id, status="completed"),
    )
    return [_draft(storage, event) for event in history]


def _draft(storage: Storage, event: object) -> Draft:
    data, subjects = registry.encode(event, "acme", storage.keys)
    kind = registry.kind_of(event)
    return Draft(type=kind.name, schema_version=1, subjects=subjects, data=data)


def _empty(database: Database) -> None:
    with database.begin() as db:
        db.execute(text("TRUNCATE folded, one_by_one, checkpoints, parked"))


def _follower(database: Database, projection: Projection, page: int) -> Follower:
    delivery = page_delivery(_storage(database), projection)
    return Follower(delivery, database, batch=page)


def _up_to(step: Callable[[], int], events: int) -> Callable[[], int]:
    """Return a step that takes some events only: the whole log, one by one, takes minutes."""
    left = count(events, -1)
    return lambda: step() if next(left) > 0 else 0


def _rate(step: Callable[[], int]) -> float:
    began, events = time.monotonic(), 0
    while taken := step():
        events += taken
    return events / (time.monotonic() - began)


def _storage(database: Database) -> Storage:
    return Storage(
        service="bench",
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
    )
