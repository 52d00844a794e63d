"""Events that a handler could not take yet: one place for delay and for poison.

A parked event holds up the later events of its own stream, which wait behind it, and
nothing else.  ``Conflict`` and ``Unavailable`` come back by themselves on a ladder of
delays; anything else comes back a few times and then waits for a person.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    select,
    update,
)  # fmt: skip

from chassis import direct
from chassis.clock import micros, moment
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Conflict, NotFound, Unavailable
from chassis.redaction import redact
from chassis.wire import from_text, to_text

LADDER: tuple[float, ...] = (1, 5, 30, 120, 600)
TRIES_BEFORE_A_PERSON = 3


class NotParked(NotFound):
    """No event waits there."""

    code = "not_parked"


def define_tables(metadata: MetaData) -> tuple[Table, Table]:
    """Add ``parked`` and ``parked_audit`` to a service's own metadata."""
    parked = Table(
        "parked",
        metadata,
        Column("subscription", String(200), primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("tenant", String(200), nullable=False),
        Column("stream", String(300), nullable=False),
        Column("type", String(200), nullable=False),
        Column("event", Text, nullable=False),
        Column("error", Text),
        Column("trace", Text),
        Column("tries", Integer, nullable=False),
        Column("due_at", BigInteger, index=True),
        Column("parked_at", BigInteger, nullable=False),
    )
    audit = Table(
        "parked_audit",
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("subscription", String(200), nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("action", String(20), nullable=False),
        Column("actor", String(200), nullable=False),
        Column("reason", Text, nullable=False),
        Column("at", BigInteger, nullable=False),
    )
    return parked, audit


_parked, _audit = define_tables(MetaData())
_STREAMS = "SELECT DISTINCT tenant, stream FROM parked WHERE subscription = :name"
_WAITING = "SELECT count(*) FROM parked WHERE subscription = :name AND due_at <= :now"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parked:
    """An event that waits.

    Args:
        error: What its handler raised; None while it only waits behind another one.
        due_at: When it is tried again; None when it waits for a person or behind another.
    """

    subscription: str
    event: Recorded
    error: str | None
    trace: str | None
    tries: int
    due_at: datetime | None
    parked_at: datetime


def streams(db: Connection, subscription: str) -> set[tuple[str, str]]:
    """Return the (tenant, stream) pairs that have something parked."""
    found = direct.rows(db, _STREAMS, {"name": subscription})
    return {(row["tenant"], row["stream"]) for row in found}


def park(
    db: Connection,
    subscription: str,
    event: Recorded,
    *,
    now: datetime,
    error: Exception | None = None,
    tries: int = 0,
    ladder: Sequence[float] = LADDER,
) -> None:
    """Keep an event for later: after ``error``, or behind an earlier one of its stream."""
    due = due_after(error, tries, now, ladder) if error else None
    db.execute(
        insert(_parked).values(
            subscription=subscription,
            position=event.position,
            tenant=event.tenant,
            stream=event.stream,
            type=event.type,
            event=to_text(event, ""),
            error=describe(error),
            trace=trace_of(error) if error else None,
            tries=tries,
            due_at=micros(due) if due else None,
            parked_at=micros(now),
        )
    )


def due_after(
    error: Exception, tries: int, now: datetime, ladder: Sequence[float] = LADDER
) -> datetime | None:
    """Return when an event is tried again after its n-th failure, None for a person."""
    passing = isinstance(error, Conflict | Unavailable)
    if not passing and tries > TRIES_BEFORE_A_PERSON:
        return None
    return now + timedelta(seconds=ladder[min(tries, len(ladder)) - 1])


def describe(error: Exception | None) -> str | None:
    """Return an error's class and message, without credentials and the like."""
    return redact(f"{type(error).__name__}: {error}") if error else None


def trace_of(error: Exception) -> str:
    """Return where an error was raised, without credentials and the like."""
    return redact("".join(traceback.format_exception(error)))


def due(db: Connection, subscription: str, now: datetime, *, limit: int = 50) -> list[Parked]:
    """Return the events whose time has come, oldest first."""
    found = db.execute(
        select(_parked)
        .where(and_(_parked.c.subscription == subscription, _parked.c.due_at <= micros(now)))
        .order_by(_parked.c.position)
        .limit(limit)
    )
    return [_parked_of(row._mapping) for row in found]  # noqa: SLF001  # SQLAlchemy's public name


def ready(database: Database, subscription: str, now: datetime) -> list[Parked]:
    """Return the events whose time has come; a glance says that there are none."""
    (waiting,) = database.glance(_WAITING, name=subscription, now=micros(now))
    if not waiting:
        return []
    with database.read() as db:
        return due(db, subscription, now)


def failed_again(
    db: Connection,
    waiting: Parked,
    error: Exception,
    now: datetime,
    ladder: Sequence[float] = LADDER,
) -> None:
    """Note another failure and when the next try is due."""
    tries = waiting.tries + 1
    again = due_after(error, tries, now, ladder)
    db.execute(
        update(_parked)
        .where(_is(waiting.subscription, waiting.event.position))
        .values(
            error=describe(error),
            trace=trace_of(error),
            tries=tries,
            due_at=micros(again) if again else None,
        )
    )


def release(db: Connection, subscription: str, event: Recorded, now: datetime) -> None:
    """Forget an event that was handled or skipped; the next of its stream is due at once."""
    db.execute(delete(_parked).where(_is(subscription, event.position)))
    behind = select(func.min(_parked.c.position)).where(
        and_(
            _parked.c.subscription == subscription,
            _parked.c.tenant == event.tenant,
            _parked.c.stream == event.stream,
        )
    )
    db.execute(
        update(_parked)
        .where(_is(subscription, behind.scalar_subquery()))
        .values(due_at=micros(now))
    )


def listed(db: Connection, subscription: str | None = None) -> list[Parked]:
    """Return everything parked, of one subscription or all, oldest first."""
    wanted = select(_parked).order_by(_parked.c.subscription, _parked.c.position)
    if subscription:
        wanted = wanted.where(_parked.c.subscription == subscription)
    return [_parked_of(row._mapping) for row in db.execute(wanted)]  # noqa: SLF001  # as above


def count(db: Connection) -> int:
    """Return how many events wait."""
    return db.scalar(select(func.count()).select_from(_parked)) or 0


def count_by_subscription(db: Connection) -> dict[str, int]:
    """Return how many events wait in each subscription that has any."""
    found = db.execute(
        select(_parked.c.subscription, func.count()).group_by(_parked.c.subscription)
    )
    return dict(found.tuples().all())


def show(db: Connection, subscription: str, position: int) -> Parked:
    """Return one parked event; raises NotParked."""
    row = db.execute(select(_parked).where(_is(subscription, position))).one_or_none()
    if row is None:
        raise NotParked(f"{subscription} has nothing parked at {position}")
    return _parked_of(row._mapping)  # noqa: SLF001  # as above


def retry(db: Connection, subscription: str, position: int, *, actor: str, now: datetime) -> None:
    """Make one parked event due at once; raises NotParked."""
    waiting = show(db, subscription, position)
    db.execute(
        update(_parked).where(_is(subscription, position)).values(due_at=micros(now), tries=0)
    )
    _note(db, waiting, action="retry", actor=actor, reason="", now=now)


def retry_all(db: Connection, *, error: str, actor: str, now: datetime) -> int:
    """Make every event whose error starts with ``error`` due at once; return how many."""
    matching = [
        waiting for waiting in listed(db) if waiting.error and waiting.error.startswith(error)
    ]
    for waiting in matching:
        retry(db, waiting.subscription, waiting.event.position, actor=actor, now=now)
    return len(matching)


def skip(
    db: Connection, subscription: str, position: int, *, actor: str, reason: str, now: datetime
) -> None:
    """Give up on one parked event, for a reason that is kept; raises NotParked."""
    waiting = show(db, subscription, position)
    release(db, subscription, waiting.event, now)
    _note(db, waiting, action="skip", actor=actor, reason=reason, now=now)


def audit(db: Connection) -> Sequence[dict[str, object]]:
    """Return what people did to parked events, oldest first."""
    return [dict(row._mapping) for row in db.execute(select(_audit).order_by(_audit.c.number))]  # noqa: SLF001  # as above


def _note(
    db: Connection, waiting: Parked, *, action: str, actor: str, reason: str, now: datetime
) -> None:
    db.execute(
        insert(_audit).values(
            subscription=waiting.subscription,
            position=waiting.event.position,
            action=action,
            actor=actor,
            reason=reason,
            at=micros(now),
        )
    )


def _is(subscription: str, position: object) -> ColumnElement[bool]:
    return and_(_parked.c.subscription == subscription, _parked.c.position == position)


def _parked_of(row: RowMapping) -> Parked:
    return Parked(
        subscription=row["subscription"],
        event=from_text(row["event"]),
        error=row["error"],
        trace=row["trace"],
        tries=row["tries"],
        due_at=moment(row["due_at"]) if row["due_at"] else None,
        parked_at=moment(row["parked_at"]),
    )
