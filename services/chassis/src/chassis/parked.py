"""Events that a handler could not take yet: one place for delay and for poison.

A parked event holds up the later events of its own stream, which wait behind it, and
nothing else.  ``Conflict`` and ``Unavailable`` come back by themselves on a ladder of
delays; anything else comes back a few times and then waits for a person.
"""

import json
import traceback
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    literal,
    select,
    tuple_,
    update,
)  # fmt: skip

from chassis import direct
from chassis.clock import micros, moment
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Conflict, NotFound, Unavailable
from chassis.insertion import insert_once
from chassis.redaction import redact
from chassis.wire import from_text, to_text

LADDER: tuple[float, ...] = (1, 5, 30, 120, 600)
TRIES_BEFORE_A_PERSON = 3


class NotParked(NotFound):
    """No event waits there."""

    code = "not_parked"


def define_table(metadata: MetaData) -> Table:
    """Add the ``parked`` table to a service's own metadata."""
    return Table(
        "parked",
        metadata,
        Column("subscription", String(200), primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("tenant", String(200), nullable=False),
        Column("stream", String(300), nullable=False),
        Column("lane", Integer, nullable=False),
        Column("type", String(200), nullable=False),
        Column("event", Text, nullable=False),
        Column("error", Text),
        Column("trace", Text),
        Column("tries", Integer, nullable=False),
        Column("due_at", BigInteger, index=True),
        Column("parked_at", BigInteger, nullable=False),
        Index("parked_by_stream", "subscription", "tenant", "stream", "position"),
    )


TABLE = define_table(MetaData())
_ANY = "SELECT 1 AS found FROM parked WHERE subscription = :name LIMIT 1"
_ASKED = {
    "sqlite": """(SELECT json_extract(value, '$[0]') AS tenant,
        json_extract(value, '$[1]') AS stream FROM json_each(:asked))""",
    "postgresql": """(SELECT value ->> 0 AS tenant, value ->> 1 AS stream
        FROM jsonb_array_elements(CAST(:asked AS jsonb)))""",
}
_LAST = """SELECT p.tenant, p.stream FROM {} asked JOIN parked p ON p.subscription = :name
    AND p.tenant = asked.tenant AND p.stream = asked.stream WHERE p.position = (
        SELECT max(q.position) FROM parked q WHERE q.subscription = p.subscription
        AND q.tenant = p.tenant AND q.stream = p.stream)"""
_STREAMS = {
    "sqlite": _LAST.format(_ASKED["sqlite"]),
    # Another worker may be retrying the last one: whoever parked behind it would wait for ever.
    "postgresql": _LAST.format(_ASKED["postgresql"]) + " FOR SHARE OF p",
}
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


def stream_of(event: Recorded) -> tuple[str, str]:
    """Return what a parked event holds up."""
    return event.tenant, event.stream


def streams(db: Connection, subscription: str, among: Iterable[Recorded]) -> set[tuple[str, str]]:
    """Return the (tenant, stream) pairs of some events that have something parked.

    However much is parked, no more is read than the events at hand need.
    """
    if not direct.rows(db, _ANY, {"name": subscription}):
        return set()
    asked = json.dumps(sorted({stream_of(event) for event in among}))
    values = {"name": subscription, "asked": asked}
    found = direct.rows(db, _STREAMS[db.dialect.name], values)
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
    """Keep an event for later: after ``error``, or behind an earlier one of its stream.

    Raises:
        Conflict: another worker has parked it.
    """
    due = due_after(error, tries, now, ladder) if error else None
    row = {
        "subscription": subscription,
        "position": event.position,
        "tenant": event.tenant,
        "stream": event.stream,
        "lane": event.lane,
        "type": event.type,
        "event": to_text(event, ""),
        "error": describe(error),
        "trace": trace_of(error) if error else None,
        "tries": tries,
        "due_at": micros(due) if due else None,
        "parked_at": micros(now),
    }
    if not insert_once(db, TABLE, row):
        raise Conflict(f"{subscription}: position {event.position} is parked already")


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


def due(
    db: Connection,
    subscription: str,
    now: datetime,
    lanes: Collection[int] | None = None,
    *,
    limit: int = 50,
) -> list[Parked]:
    """Return the events whose time has come, of some lanes or all, oldest first."""
    wanted = select(TABLE).where(
        and_(TABLE.c.subscription == subscription, TABLE.c.due_at <= micros(now))
    )
    if lanes is not None:
        wanted = wanted.where(TABLE.c.lane.in_(lanes))
    return _found(db, wanted.order_by(TABLE.c.position).limit(limit))


def ready(
    database: Database, subscription: str, now: datetime, lanes: Collection[int] | None = None
) -> list[Parked]:
    """Return the events whose time has come; a glance says that there are none."""
    (waiting,) = database.glance(_WAITING, name=subscription, now=micros(now))
    if not waiting:
        return []
    with database.read() as db:
        return due(db, subscription, now, lanes)


def claim(db: Connection, waiting: Parked, now: datetime) -> Parked | None:
    """Keep a due event for this transaction; None if it is no longer due, or somebody has it."""
    mine = select(TABLE).where(
        and_(at(waiting.subscription, waiting.event.position), TABLE.c.due_at <= micros(now))
    )
    return next(iter(_found(db, mine.with_for_update(skip_locked=True))), None)


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
        update(TABLE)
        .where(at(waiting.subscription, waiting.event.position))
        .values(
            error=describe(error),
            trace=trace_of(error),
            tries=tries,
            due_at=micros(again) if again else None,
        )
    )


def release(db: Connection, subscription: str, event: Recorded, now: datetime) -> None:
    """Forget an event that was handled or skipped; what waited behind it is due at once."""
    db.execute(delete(TABLE).where(at(subscription, event.position)))
    behind = select(func.min(TABLE.c.position)).where(
        and_(
            TABLE.c.subscription == subscription,
            TABLE.c.tenant == event.tenant,
            TABLE.c.stream == event.stream,
        )
    )
    db.execute(
        update(TABLE)
        # With an error it is not this one that it waited for, but a delay or a person.
        .where(and_(at(subscription, behind.scalar_subquery()), TABLE.c.error.is_(None)))
        .values(due_at=micros(now))
    )


def listed(
    db: Connection,
    subscription: str | None = None,
    *,
    error: str = "",
    after: tuple[str, int] = ("", -1),
    limit: int | None = None,
) -> list[Parked]:
    """Return what is parked, by subscription and position.

    Args:
        db: An open transaction.
        subscription: Only this one's.
        error: Only those whose error starts like this.
        after: Subscription and position of the last one that was seen.
        limit: How many; None for all.
    """
    place = (TABLE.c.subscription, TABLE.c.position)
    later = tuple_(*place) > tuple_(*map(literal, after))
    wanted = select(TABLE).where(later).order_by(*place).limit(limit)
    if subscription:
        wanted = wanted.where(TABLE.c.subscription == subscription)
    if error:
        wanted = wanted.where(TABLE.c.error.startswith(error, autoescape=True))
    return _found(db, wanted)


def count(db: Connection) -> int:
    """Return how many events wait."""
    return db.scalar(select(func.count()).select_from(TABLE)) or 0


def count_by_subscription(db: Connection) -> dict[str, int]:
    """Return how many events wait in each subscription that has any."""
    found = db.execute(select(TABLE.c.subscription, func.count()).group_by(TABLE.c.subscription))
    return dict(found.tuples().all())


def count_stuck(db: Connection) -> dict[str, int]:
    """Return how many events failed for good and wait for a person, by subscription."""
    stuck = and_(TABLE.c.error.is_not(None), TABLE.c.due_at.is_(None))
    found = db.execute(
        select(TABLE.c.subscription, func.count()).where(stuck).group_by(TABLE.c.subscription)
    )
    return dict(found.tuples().all())


def show(db: Connection, subscription: str, position: int) -> Parked:
    """Return one parked event; raises NotParked."""
    found = _found(db, select(TABLE).where(at(subscription, position)))
    if not found:
        raise NotParked(f"{subscription} has nothing parked at {position}")
    return found[0]


def rename(db: Connection, old: str, new: str) -> None:
    """Give what a subscription has parked to another name, which must have nothing parked."""
    db.execute(update(TABLE).where(TABLE.c.subscription == old).values(subscription=new))


def forget(db: Connection, subscription: str) -> None:
    """Remove what a subscription has parked, because the subscription itself is given up."""
    db.execute(delete(TABLE).where(TABLE.c.subscription == subscription))


def _found(db: Connection, wanted: Select[Any]) -> list[Parked]:
    return [_parked_of(row) for row in db.execute(wanted).mappings()]


def at(subscription: str, position: object) -> ColumnElement[bool]:
    """Return the condition that picks one parked event's row."""
    return and_(TABLE.c.subscription == subscription, TABLE.c.position == position)


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
