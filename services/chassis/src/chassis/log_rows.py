"""How the SQL adapters of the log turn envelopes into rows and back."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from chassis import direct
from chassis.clock import micros, moment
from chassis.context import Context
from chassis.direct import Row
from chassis.envelope import Envelope, Recorded
from chassis.ids import LANES
from chassis.log import CommandReused, LaneHead, Span

COLUMNS = (
    "id", "tenant", "stream", "version", "type", "schema_version", "lane", "occurred_at",
    "recorded_at", "actor", "command_id", "correlation_id", "causation_id", "traceparent",
    "subjects", "data",
)  # fmt: skip

ENVELOPE = ", ".join(f"e.{name}" for name in COLUMNS)
_LANES = ", ".join(f"({lane})" for lane in range(LANES))


def row_of(envelope: Envelope) -> dict[str, Any]:
    """Return the column values of an envelope."""
    return {
        "id": str(envelope.id),
        "tenant": envelope.tenant,
        "stream": envelope.stream,
        "version": envelope.version,
        "type": envelope.type,
        "schema_version": envelope.schema_version,
        "lane": envelope.lane,
        "occurred_at": micros(envelope.occurred_at),
        "recorded_at": micros(envelope.recorded_at),
        "actor": envelope.actor,
        "command_id": str(envelope.command_id),
        "correlation_id": str(envelope.correlation_id),
        "causation_id": str(envelope.causation_id),
        "traceparent": envelope.traceparent,
        "subjects": json.dumps(envelope.subjects),
        "data": envelope.data,
    }


def envelope_of(row: Row) -> Envelope:
    """Return the envelope in a row."""
    return Envelope(**_attributes(row))


def recorded_of(row: Row) -> Recorded:
    """Return the positioned envelope in a row."""
    return Recorded(
        **_attributes(row), position=row["position"], prev=row["prev"], chain=bytes(row["chain"])
    )


def _attributes(row: Row) -> dict[str, Any]:
    return {
        "id": UUID(str(row["id"])),
        "tenant": row["tenant"],
        "stream": row["stream"],
        "version": row["version"],
        "type": row["type"],
        "schema_version": row["schema_version"],
        "lane": row["lane"],
        "occurred_at": moment(row["occurred_at"]),
        "recorded_at": moment(row["recorded_at"]),
        "actor": row["actor"],
        "command_id": UUID(str(row["command_id"])),
        "correlation_id": UUID(str(row["correlation_id"])),
        "causation_id": UUID(str(row["causation_id"])),
        "traceparent": row["traceparent"],
        "subjects": tuple(json.loads(row["subjects"])),
        "data": bytes(row["data"]),
    }


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
        found = direct.rows(
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
        return self._recorded(
            "WHERE p.position > :after ORDER BY p.position LIMIT :limit",
            after=position,
            limit=limit,
        )

    def lane_after(self, lane: int, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of one lane in position order."""
        return self._recorded(
            "WHERE p.lane = :lane AND p.position > :after ORDER BY p.position LIMIT :limit",
            lane=lane,
            after=position,
            limit=limit,
        )

    def at(self, position: int) -> Recorded | None:
        """Return the event at a position."""
        return next(iter(self._recorded("WHERE p.position = :position", position=position)), None)

    def head(self) -> int:
        """Return the last position, 0 for an empty log."""
        return self._scalar(f"SELECT max(p.position) FROM {self._positions}")  # noqa: S608

    def lane_heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        found = direct.rows(
            self._db,
            # A search of the index for each lane: GROUP BY would pass every event there is.
            f"WITH lanes (number) AS (VALUES {_LANES}) "  # noqa: S608
            f"SELECT p.lane, p.position, p.chain FROM lanes JOIN {self._positions} "
            f"ON p.position = (SELECT max(q.position) FROM {self._positions.split()[0]} q "
            "WHERE q.lane = lanes.number)",
        )
        return {
            row["lane"]: LaneHead(position=row["position"], chain=bytes(row["chain"]))
            for row in found
        }

    def as_of(self, moment: datetime) -> int:
        """Return the position up to which everything was recorded by ``moment``."""
        later = self._scalar(
            f"SELECT min(p.position) FROM {self._joined} WHERE e.recorded_at > :at",  # noqa: S608
            at=micros(moment),
        )
        return later - 1 if later else self.head()

    def outcome(self, context: Context) -> Sequence[Span] | None:
        """Return what the context's command recorded earlier, None if it never ran."""
        found = direct.rows(
            self._db,
            "SELECT digest, outcome FROM commands "
            "WHERE tenant = :tenant AND command_id = :command_id",
            {"tenant": context.tenant, "command_id": str(context.command_id)},
        )
        if not found:
            return None
        if bytes(found[0]["digest"]) != context.digest:
            raise CommandReused(f"command {context.command_id} was another command")
        spans = json.loads(found[0]["outcome"])
        return [Span(stream=s, first=a, last=b) for s, a, b in spans]

    def _recorded(self, clause: str, **values: Any) -> list[Recorded]:
        return [
            recorded_of(row) for row in direct.rows(self._db, f"{self._select} {clause}", values)
        ]

    def _scalar(self, sql: str, **values: Any) -> int:
        return direct.scalar(self._db, sql, values) or 0


def command_row(context: Context, spans: Sequence[Span]) -> dict[str, Any]:
    """Return the row that remembers a command and what it recorded."""
    return {
        "tenant": context.tenant,
        "command_id": str(context.command_id),
        "digest": context.digest,
        "outcome": json.dumps([[span.stream, span.first, span.last] for span in spans]),
    }


REMEMBER_COMMAND = (
    "INSERT INTO commands (tenant, command_id, digest, outcome) "
    "VALUES (:tenant, :command_id, :digest, :outcome) ON CONFLICT DO NOTHING"
)
