"""Give committed events of a PostgreSQL log their positions, lanes' predecessors and chains.

One leader per log does this, on the session that holds its lock (``chassis.leadership``); should
two ever run, the primary key of ``positions`` lets one of them fail instead of forking the order.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from chassis import direct
from chassis.envelope import COLUMNS
from chassis.faults import reach
from chassis.log import LaneHead, Place, place_all
from chassis.log_copy import COPY_POSITIONS, PlaceLines
from chassis.log_partitions import AHEAD, ROWS
from chassis.log_postgresql import MANY, array_of
from chassis.log_postgresql_schema import END_BATCH, call

CHANNEL = "sixfold_log"
# By the index: a scan would pass all the rows that were deleted and not yet vacuumed.
# Rolled-back writers may have drawn every number that has a partition: then nothing is pending.
ANY_PENDING = f"""SELECT min(first) IS NOT NULL OR to_regclass('events_'
    || (SELECT last_value FROM event_rows) / {ROWS} + {AHEAD}) IS NULL FROM pending"""  # noqa: S608  # our own numbers
_MAKE_ROOM = "SELECT add_partitions('events', (SELECT last_value FROM event_rows))"
_LANE = COLUMNS.index("lane")
_ROW_ID = len(COLUMNS)
_HEAD, _LANE_HEAD = _ROW_ID + 1, _ROW_ID + 2
_NEXT = "SELECT * FROM next_events(:wanted)"
_PLACE = """INSERT INTO positions (row_id, position, lane, prev, chain)
SELECT * FROM unnest(CAST(:row_id AS bigint[]), CAST(:position AS bigint[]),
    CAST(:lane AS smallint[]), CAST(:prev AS bigint[]), CAST(:chain AS bytea[]))"""
_END = f"{call('end_batch', END_BATCH)}; NOTIFY {CHANNEL}"


def sequence(db: Connection, *, limit: int = 1000) -> int:
    """Give numbers to the next committed events, in the order of their rows.

    Returns:
        How many were numbered; fewer than ``limit`` means that none are left.
    """
    rows = direct.tuples(db, _NEXT, {"wanted": limit})
    if rows:
        _record(
            db, [row[_ROW_ID] for row in rows], place_all(rows, rows[0][_HEAD], _heads_in(rows))
        )
    else:
        direct.execute(db, _MAKE_ROOM)
    return len(rows)


def _record(db: Connection, row_ids: Sequence[int], places: Sequence[Place]) -> None:
    """Write the places of some rows, then move the lanes' heads and tell whoever listens."""
    if len(places) < MANY or not direct.can_copy():
        columns = dict(zip(Place._fields, map(array_of, zip(*places, strict=True)), strict=True))
        direct.execute(db, _PLACE, {"row_id": array_of(row_ids), **columns})
    else:
        direct.copy(db, COPY_POSITIONS, PlaceLines(row_ids, places))
    reach("sequencer.placed")
    last = {place.lane: place for place in places}
    heads = sorted(last.values())
    values = {
        "of_lane": array_of([place.lane for place in heads]),
        "of_position": array_of([place.position for place in heads]),
        "of_chain": array_of([place.chain for place in heads]),
        "last_row": row_ids[-1],
    }
    direct.execute(db, _END, values)


def _heads_in(rows: Sequence[tuple[Any, ...]]) -> dict[int, LaneHead]:
    """Return the head that each lane had before these rows."""
    return {
        row[_LANE]: LaneHead(position=row[_LANE_HEAD], chain=bytes(row[_LANE_HEAD + 1]))
        for row in rows
    }
