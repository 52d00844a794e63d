"""The reading half of the log's port, and what a command leaves behind, for both SQL adapters."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from chassis import direct
from chassis.clock import micros
from chassis.context import Context
from chassis.envelope import COLUMNS, Envelope, Recorded, Stored, envelope_of, recorded_of
from chassis.ids import LANES
from chassis.log import CommandReused, LaneHead, Span

_IDS = frozenset({"id", "command_id", "correlation_id", "causation_id"})
# Ids come as text: a driver that made objects of them would do so for readers that only move them.
ENVELOPE = ", ".join(f"CAST(e.{n} AS text)" if n in _IDS else f"e.{n}" for n in COLUMNS)
_write, _read = msgspec.json.encode, msgspec.json.decode
_LANES = ", ".join(f"({lane})" for lane in range(LANES))


class SqlReads:
    """The reading half of the port, over a source of positioned rows.

    Args:
        db: An open transaction.
        positions: The table ``p`` with position, lane, prev and chain.
        joined: A FROM clause of ``p`` with ``e``, which has the envelope.
    """

    def __init__(self, db: Connection, *, positions: str, joined: str) -> None:
        self._db = db
        self._select = f"SELECT {ENVELOPE}, p.position, p.prev, p.chain FROM {joined}"  # noqa: S608
        self._positions = positions
        self._joined = joined

    def stream(self, tenant: str, stream: str, *, after: int = 0) -> Sequence[Envelope]:
        """Return a stream's events with versions above ``after``, oldest first."""
        found = direct.tuples(
            self._db,
            f"SELECT {ENVELOPE} FROM events e WHERE e.tenant = :tenant AND "  # noqa: S608
            "e.stream = :stream AND e.version > :after ORDER BY e.version",
            {"tenant": tenant, "stream": stream, "after": after},
        )
        return [envelope_of(row) for row in found]

    def position_of(self, tenant: str, stream: str, version: int) -> int | None:
        """Return where one event stands in the whole log, None while it has no position yet."""
        found = self._scalar(
            f"SELECT p.position FROM {self._joined} WHERE e.tenant = :tenant "  # noqa: S608
            "AND e.stream = :stream AND e.version = :version",
            tenant=tenant,
            stream=stream,
            version=version,
        )
        return found or None

    def after(self, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of the whole log in position order."""
        return [recorded_of(stored) for stored in self.stored_after(position, limit=limit)]

    def stored_after(self, position: int, *, limit: int) -> Sequence[Stored]:
        """Return the same as ``after``, as columns."""
        return self._stored(
            "WHERE p.position > :after ORDER BY p.position LIMIT :limit",
            after=position,
            limit=limit,
        )

    def lane_after(self, lane: int, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of one lane in position order."""
        found = self._stored(
            "WHERE p.lane = :lane AND p.position > :after ORDER BY p.position LIMIT :limit",
            lane=lane,
            after=position,
            limit=limit,
        )
        return [recorded_of(stored) for stored in found]

    def at(self, position: int) -> Recorded | None:
        """Return the event at a position."""
        found = self._stored("WHERE p.position = :position", position=position)
        return recorded_of(found[0]) if found else None

    def head(self) -> int:
        """Return the last position, 0 for an empty log."""
        return self._scalar(f"SELECT max(p.position) FROM {self._positions}")  # noqa: S608

    def lane_heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        found = direct.tuples(
            self._db,
            # A search of the index for each lane: GROUP BY would pass every event there is.
            f"WITH lanes (number) AS (VALUES {_LANES}) "  # noqa: S608
            f"SELECT p.lane, p.position, p.chain FROM lanes JOIN {self._positions} "
            f"ON p.position = (SELECT max(q.position) FROM {self._positions.split()[0]} q "
            "WHERE q.lane = lanes.number)",
        )
        return lane_heads_in(found)

    def as_of(self, moment: datetime) -> int:
        """Return the position up to which everything was recorded by ``moment``."""
        later = self._scalar(
            f"SELECT min(p.position) FROM {self._joined} WHERE e.recorded_at > :at",  # noqa: S608
            at=micros(moment),
        )
        return later - 1 if later else self.head()

    def outcome(self, context: Context) -> Sequence[Span] | None:
        """Return what the context's command recorded earlier, None if it never ran."""
        found = direct.tuples(
            self._db,
            "SELECT digest, outcome FROM commands "
            "WHERE tenant = :tenant AND command_id = :command_id",
            {"tenant": context.tenant, "command_id": str(context.command_id)},
        )
        if not found:
            return None
        (digest, outcome) = found[0]
        if bytes(digest) != context.digest:
            raise CommandReused(f"command {context.command_id} was another command")
        return [Span(stream=s, first=a, last=b) for s, a, b in _read(outcome)]

    def _stored(self, clause: str, **values: Any) -> list[Stored]:
        found = direct.tuples(self._db, f"{self._select} {clause}", values)
        # PostgreSQL's driver hands out views of its own memory.
        return [
            Stored._make((*row[:15], bytes(row[15]), *row[16:18], bytes(row[18]))) for row in found
        ]

    def _scalar(self, sql: str, **values: Any) -> int:
        return direct.scalar(self._db, sql, values) or 0


def lane_heads_in(found: Sequence[tuple[Any, ...]]) -> dict[int, LaneHead]:
    """Return the lanes' heads in rows of lane, position and chain."""
    return {
        lane: LaneHead(position=position, chain=bytes(chain)) for lane, position, chain in found
    }


def outcome_text(spans: Sequence[Span]) -> str:
    """Return what a command recorded, as its row remembers it."""
    return _write([(span.stream, span.first, span.last) for span in spans]).decode()


def command_row(context: Context, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the row that remembers a command and what it recorded."""
    return {
        "tenant": context.tenant,
        "command_id": str(context.command_id),
        "digest": context.digest,
        "outcome": outcome_text(spans),
    }


REMEMBER_COMMAND = (
    "INSERT INTO commands (tenant, command_id, digest, outcome) "
    "VALUES (:tenant, :command_id, :digest, :outcome) ON CONFLICT DO NOTHING"
)
