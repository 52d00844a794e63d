"""What people do with parked events: try again, or give up.  Who and why, the audit tells."""

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
    update,
)

from chassis.clock import micros
from chassis.errors import Rejected
from chassis.parked import TABLE, at, release, show


class WaitsBehind(Rejected):
    """An earlier event of the same stream has to be handled or skipped first."""

    code = "waits_behind"


def define_table(metadata: MetaData) -> Table:
    """Add the ``parked_audit`` table, which only the version before this one writes.

    While both run side by side it must be there; the audit's events have taken its place.
    """
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


def retry(db: Connection, subscription: str, position: int, *, now: datetime) -> None:
    """Make one parked event due at once.

    Raises:
        NotParked: nothing waits there.
        WaitsBehind: an earlier event of its stream has to be handled first.
    """
    waiting = show(db, subscription, position)
    if waiting.error is None and waiting.due_at is None:
        raise WaitsBehind(f"position {position} waits behind an earlier event of its stream")
    db.execute(update(TABLE).where(at(subscription, position)).values(due_at=micros(now), tries=0))


def retry_all(
    db: Connection,
    *,
    error: str,
    now: datetime,
    subscription: str | None = None,
) -> int:
    """Make every event whose error starts with ``error`` due at once; return how many."""
    failed = TABLE.c.error.startswith(error, autoescape=True)
    which = and_(failed, TABLE.c.subscription == subscription) if subscription else failed
    retried = update(TABLE).where(which).values(due_at=micros(now), tries=0)
    return db.execute(retried).rowcount


def skip(db: Connection, subscription: str, position: int, *, now: datetime) -> None:
    """Give up on one parked event; raises NotParked."""
    waiting = show(db, subscription, position)
    release(db, subscription, waiting.event, now)
