"""The embedded log: one writer at a time assigns positions inside ``BEGIN IMMEDIATE``.

Safe against the death of any process; ``synchronous=NORMAL`` may lose the last
transactions when the machine loses power.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chassis import direct, gate
from chassis.context import Context
from chassis.envelope import COLUMNS
from chassis.errors import Conflict
from chassis.log import Append, Appended, LaneHead, Written, place_all, rows_of, spans_of
from chassis.log_rows import REMEMBER_COMMAND, SqlReads, command_row, lane_heads_in

SCHEMA_V1 = (
    """CREATE TABLE events (
        position INTEGER PRIMARY KEY, prev INTEGER NOT NULL, chain BLOB NOT NULL,
        id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, stream TEXT NOT NULL,
        version INTEGER NOT NULL, type TEXT NOT NULL, schema_version INTEGER NOT NULL,
        lane INTEGER NOT NULL, occurred_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
        actor TEXT NOT NULL, command_id TEXT NOT NULL, correlation_id TEXT NOT NULL,
        causation_id TEXT NOT NULL, traceparent TEXT, subjects TEXT NOT NULL, data BLOB NOT NULL,
        UNIQUE (tenant, stream, version))""",
    "CREATE INDEX events_by_lane ON events (lane, position)",
    """CREATE TABLE commands (
        tenant TEXT NOT NULL, command_id TEXT NOT NULL, digest BLOB NOT NULL,
        outcome TEXT NOT NULL, PRIMARY KEY (tenant, command_id)) WITHOUT ROWID""",
    *(
        f"""CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""
        for table in ("events", "commands")
        for verb in ("UPDATE", "DELETE")
    ),
)

_ALL = (*COLUMNS, "position", "prev", "chain")
_INSERT = f"INSERT INTO events ({', '.join(_ALL)}) VALUES ({', '.join('?' * len(_ALL))})"  # noqa: S608

_LANE = COLUMNS.index("lane")
FEW = 4  # lanes that are asked one by one; a command seldom writes to more
_LAST_OF_LANE = """SELECT position, chain FROM events WHERE lane = :lane
ORDER BY position DESC LIMIT 1"""

# An import opens thousands of streams: asked one by one, that would cost more than writing.
# A search of the index for each stream; GROUP BY would pass every event of the stream.
_VERSIONS = """SELECT s.value AS stream,
    (SELECT max(version) FROM events WHERE tenant = :tenant AND stream = s.value) AS version
FROM json_each(:streams) s"""


class SqliteLog(SqlReads):
    """The log in a SQLite file, as one open ``BEGIN IMMEDIATE`` transaction sees it."""

    def __init__(self, db: Connection) -> None:
        super().__init__(
            db, positions="events p", joined="events e JOIN events p ON p.position = e.position"
        )

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none."""
        gate.passes("append")
        first = self.outcome(context)
        if first is not None:
            return Appended(events=(), spans=first, repeated=True)
        self._check_versions(context.tenant, appends)
        rows, spans = rows_of(context, appends, recorded_at), spans_of(appends)
        self.insert(rows)
        direct.execute(self._db, REMEMBER_COMMAND, command_row(context, spans))
        return Appended(events=Written(rows), spans=spans)

    def unplaced(self) -> int:
        """Return 0: the writer assigns positions itself."""
        return 0

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Give events their positions and write them; nobody else can write meanwhile."""
        if not rows:
            return
        places = place_all(rows, self.head(), self._heads_of({row[_LANE] for row in rows}))
        placed = [
            (*row, place.position, place.prev, place.chain)
            for row, place in zip(rows, places, strict=True)
        ]
        direct.execute_many(self._db, _INSERT, placed)

    def _check_versions(self, tenant: str, appends: Sequence[Append]) -> None:
        versions = self._versions(tenant, [append.stream for append in appends])
        for append in appends:
            version = versions.get(append.stream, 0)
            if version != append.expected_version:
                raise Conflict(f"{append.stream} is at {version}, not {append.expected_version}")

    def _versions(self, tenant: str, streams: Sequence[str]) -> Mapping[str, int]:
        values = {"tenant": tenant, "streams": json.dumps(streams)}
        found = direct.rows(self._db, _VERSIONS, values)
        return {row["stream"]: row["version"] or 0 for row in found}

    def _heads_of(self, lanes: Collection[int]) -> Mapping[int, LaneHead]:
        if len(lanes) > FEW:
            return self.lane_heads()
        found = [(lane, *row) for lane in lanes for row in self._head_of(lane)]
        return lane_heads_in(found)

    def _head_of(self, lane: int) -> list[tuple[Any, ...]]:
        return direct.tuples(self._db, _LAST_OF_LANE, {"lane": lane})
