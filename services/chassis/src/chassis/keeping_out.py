"""Keep others out of a read model's tables for a moment, or look at one moment of them."""

import time
from collections.abc import Sequence

from sqlalchemy import Connection, Table, text

from chassis import direct
from chassis.errors import Unavailable

SECONDS = 5.0
_PAUSE = 0.002


def keep_out(db: Connection, tables: Sequence[Table], *, readers: bool, placed: bool) -> None:
    """Keep writers from tables until the transaction ends; SQLite's transaction does by itself.

    Args:
        db: An open transaction.
        tables: Which.
        readers: Keep readers out as well: then the tables may be exchanged.
        placed: Wait until every event whose transaction wrote to them has its position.

    Raises:
        Unavailable: they are in use, or the sequencer does not number, for too long.
    """
    if db.dialect.name == "sqlite":
        return
    mode = "ACCESS EXCLUSIVE" if readers else "SHARE ROW EXCLUSIVE"
    names = ", ".join(sorted(map(db.dialect.identifier_preparer.format_table, tables)))
    db.execute(text(f"SET LOCAL lock_timeout = {int(SECONDS * 1000)}"))
    db.execute(text(f"LOCK TABLE {names} IN {mode} MODE"))
    if placed:
        _wait_until_placed(db)


def see_one_moment(db: Connection) -> None:
    """Let a new transaction see, from now on, the database as it is now."""
    if db.dialect.name != "sqlite":
        db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        db.execute(text("SELECT 1"))


def _wait_until_placed(db: Connection) -> None:
    """Wait for the events that are committed by now; later ones did not write to the tables."""
    newest = direct.scalar(db, "SELECT max(last) FROM pending")
    deadline = time.monotonic() + SECONDS
    while _any_pending(db, newest):
        if time.monotonic() > deadline:
            raise Unavailable("the sequencer does not give events their positions")
        time.sleep(_PAUSE)


def _any_pending(db: Connection, newest: int | None) -> bool:
    sql = "SELECT 1 FROM pending WHERE first <= :newest LIMIT 1"
    return newest is not None and direct.scalar(db, sql, {"newest": newest}) is not None
