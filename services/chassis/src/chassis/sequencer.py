"""Give committed events of a PostgreSQL log their positions, lanes' predecessors and chains.

One leader per log holds an advisory lock on a connection of its own; should two ever run,
the primary key of ``positions`` lets one of them fail instead of forking the order.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, text

from chassis import direct
from chassis.database import Database, translated_errors
from chassis.log import Place, place_all
from chassis.log_postgresql import PostgresqlLog
from chassis.log_rows import ENVELOPE, envelope_of

CHANNEL = "sixfold_log"
ALWAYS = "SELECT true"
# By the index: a scan would pass all the rows that were deleted and not yet vacuumed.
ANY_PENDING = "SELECT min(row_id) IS NOT NULL FROM pending"
_LOCK = 0x51F01D
_PENDING = (
    f"SELECT e.row_id, {ENVELOPE} FROM pending q JOIN events e ON e.row_id = q.row_id "  # noqa: S608
    "ORDER BY q.row_id LIMIT :limit"
)
_INSERT = """INSERT INTO positions (position, row_id, lane, prev, chain)
SELECT * FROM unnest(CAST(:position AS bigint[]), CAST(:row_id AS bigint[]),
    CAST(:lane AS smallint[]), CAST(:prev AS bigint[]), CAST(:chain AS bytea[]))"""
_DELETE = "DELETE FROM pending WHERE row_id = ANY(CAST(:row_ids AS bigint[]))"


class Leadership(AbstractContextManager["Leadership"]):
    """A session-level advisory lock on a connection that nothing else uses."""

    def __init__(self, database: Database, key: int = _LOCK) -> None:
        self._database = database
        self._key = key
        self._held: Connection | None = None

    def acquire(self, look: str = ALWAYS) -> bool:
        """Become the leader, or confirm still being it; False while somebody else is.

        Args:
            look: A query for whether there is anything to lead; False where there is not.
                It is the confirmation too, so an idle leader costs one statement a look.

        Raises:
            Unavailable: the connection is lost, and with it the lock, or cannot be had.
        """
        with translated_errors():
            if self._held is None:
                self._held = self._locked()
            return self._held is not None and bool(self._held.execute(text(look)).scalar())

    def _locked(self) -> Connection | None:
        db = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if db.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}).scalar():
            return db
        db.close()
        return None

    def release(self) -> None:
        """Close the connection, and with it the lock."""
        if self._held is not None:
            self._held.invalidate()
            self._held.close()
            self._held = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock."""
        self.release()


def sequence(db: Connection, *, limit: int = 1000) -> int:
    """Give numbers to the next committed events, in the order of their rows.

    Returns:
        How many were numbered; fewer than ``limit`` means that none are left.
    """
    rows = direct.rows(db, _PENDING, {"limit": limit})
    if rows:
        log = PostgresqlLog(db)
        places = place_all([envelope_of(row) for row in rows], log.head(), log.lane_heads())
        row_ids = [row["row_id"] for row in rows]
        direct.execute(db, _INSERT, {"row_id": row_ids, **_columns(places)})
        direct.execute(db, _DELETE, {"row_ids": row_ids})
        direct.execute(db, f"NOTIFY {CHANNEL}")
    return len(rows)


def _columns(places: Sequence[Place]) -> dict[str, list[Any]]:
    return dict(zip(Place._fields, map(list, zip(*places, strict=True)), strict=True))
