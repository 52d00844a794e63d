"""What people do with parked events: try again, give up for a reason; and who did it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    delete,
    insert,
    literal,
    select,
    update,
)

from chassis.clock import micros, moment
from chassis.errors import Rejected
from chassis.parked import TABLE, Parked, at, release, show


class WaitsBehind(Rejected):
    """An earlier event of the same stream has to be handled or skipped first."""

    code = "waits_behind"


def define_table(metadata: MetaData) -> Table:
    """Add the ``parked_audit`` table to a service's own metadata."""
    return Table(
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


_audit = define_table(MetaData())


def retry(db: Connection, subscription: str, position: int, *, actor: str, now: datetime) -> None:
    """Make one parked event due at once.

    Raises:
        NotParked: nothing waits there.
        WaitsBehind: an earlier event of its stream has to be handled first.
    """
    waiting = show(db, subscription, position)
    if waiting.error is None and waiting.due_at is None:
        raise WaitsBehind(f"position {position} waits behind an earlier event of its stream")
    db.execute(update(TABLE).where(at(subscription, position)).values(due_at=micros(now), tries=0))
    _note(db, waiting, action="retry", actor=actor, reason="", now=now)


def retry_all(
    db: Connection,
    *,
    error: str,
    actor: str,
    now: datetime,
    subscription: str | None = None,
) -> int:
    """Make every event whose error starts with ``error`` due at once; return how many."""
    failed = TABLE.c.error.startswith(error, autoescape=True)
    which = and_(failed, TABLE.c.subscription == subscription) if subscription else failed
    # In the database: there may be more of them than fit into memory.
    noted = [literal("retry"), literal(actor), literal(""), literal(micros(now))]
    names = ["subscription", "position", "action", "actor", "reason", "at"]
    each = select(TABLE.c.subscription, TABLE.c.position, *noted).where(which)
    db.execute(insert(_audit).from_select(names, each))
    retried = update(TABLE).where(which).values(due_at=micros(now), tries=0)
    return db.execute(retried).rowcount


def skip(
    db: Connection, subscription: str, position: int, *, actor: str, reason: str, now: datetime
) -> None:
    """Give up on one parked event, for a reason that is kept; raises NotParked."""
    waiting = show(db, subscription, position)
    release(db, subscription, waiting.event, now)
    _note(db, waiting, action="skip", actor=actor, reason=reason, now=now)


@dataclass(frozen=True, kw_only=True, slots=True)
class Audited:
    """What somebody did to a parked event."""

    number: int
    subscription: str
    position: int
    action: str
    actor: str
    reason: str
    at: datetime


def audit(
    db: Connection, *, before: int | None = None, limit: int | None = None
) -> Sequence[Audited]:
    """Return what people did to parked events, the newest first.

    Args:
        db: An open transaction.
        before: Only what is older than this number.
        limit: How many; None for all.
    """
    wanted = select(_audit).order_by(_audit.c.number.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(_audit.c.number < before)
    return [Audited(**{**row, "at": moment(row["at"])}) for row in db.execute(wanted).mappings()]


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


def forget(db: Connection, before: datetime) -> int:
    """Delete what was done before a moment; returns how many rows went."""
    return db.execute(delete(_audit).where(_audit.c.at < micros(before))).rowcount
