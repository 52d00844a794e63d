"""The log in PostgreSQL: writers insert committed rows, the sequencer gives them positions.

A number drawn before commit would let a reader pass an event that is not visible yet, so
writers draw none.  They lock the stream's head, check its version, and insert rows; the
sequencer (``chassis.sequencer``) sees only committed rows and numbers them.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from chassis import direct, gate
from chassis.context import Context
from chassis.database import sqlstate
from chassis.envelope import COLUMNS
from chassis.errors import Conflict, Unavailable
from chassis.isolation.transactions import bound
from chassis.log import Append, Appended, LaneHead, Written, each_row, spans_of
from chassis.log_copy import COPY_EVENTS, EventLines
from chassis.log_postgresql_schema import (
    APPEND_EACH,
    APPEND_EVENTS,
    CLAIM,
    CONFLICT,
    SCHEMA_V1,
    call,
)
from chassis.log_rows import SqlReads, lane_heads_in, outcome_text

__all__ = ["SCHEMA_V1", "PostgresqlLog", "append_each"]

NO_PARTITION = "23514"  # also where a partition left while a COPY with old numbers was under way
MANY = 200
"""From so many events on, copying them in costs less than an array for each column."""

Rows = Sequence[tuple[Any, ...]]
_guarded: WeakKeyDictionary[Engine, bool] = WeakKeyDictionary()
_APPEND = call("append_events", APPEND_EVENTS)
_APPEND_EACH = call("append_each", APPEND_EACH)
_CLAIM_ROWS = call("claim_rows", CLAIM)
HEADS = "SELECT lane, position, chain FROM heads WHERE position > 0 ORDER BY lane"


class PostgresqlLog(SqlReads):
    """The log in PostgreSQL, as one open transaction sees it."""

    def __init__(self, db: Connection) -> None:
        # Locked in this order, as whoever releases old events does: the other way is a deadlock.
        super().__init__(
            db, positions="positions p", joined="events e JOIN positions p ON p.row_id = e.row_id"
        )

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none: few in one statement, many by COPY."""
        gate.passes("append")
        spans, rows = spans_of(appends), each_row(context, appends, recorded_at)
        claim = {**_command(context, outcome_text(spans)), **_heads(appends)}
        count = sum(len(append.drafts) for append in appends)
        copies = count >= MANY and direct.can_copy() and not _is_guarded(self._db)
        try:
            written = self._copy(claim, count, rows) if copies else self._insert(claim, list(rows))
        except DBAPIError as error:
            if sqlstate(error) == CONFLICT:
                raise Conflict("a stream has moved on") from error
            if sqlstate(error) == NO_PARTITION:
                raise Unavailable("the log waits for its sequencer to make room") from error
            raise
        if written is None:
            return Appended(events=(), spans=self.outcome(context) or (), repeated=True)
        return Appended(events=Written(written), spans=spans)

    def head(self) -> int:
        """Return the last position, 0 for an empty log."""
        return self._scalar("SELECT max(position) FROM heads")

    def lane_heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        return lane_heads_in(direct.tuples(self._db, HEADS))

    def unplaced(self) -> int:
        """Return how many committed events the sequencer has not numbered yet."""
        return int(self._scalar("SELECT sum(last - first + 1) FROM pending"))

    def _insert(self, claim: Mapping[str, Any], rows: Rows) -> Rows | None:
        return rows if direct.scalar(self._db, _APPEND, {**claim, **_columns(rows)}) else None

    def _copy(
        self, claim: Mapping[str, Any], count: int, rows: Iterator[tuple[Any, ...]]
    ) -> Rows | None:
        drawn = direct.scalar(self._db, _CLAIM_ROWS, {**claim, "wanted": count})
        if drawn is None:
            return None
        lines = EventLines(drawn, rows)
        direct.copy(self._db, COPY_EVENTS, lines)
        return lines.rows


def _is_guarded(db: Connection) -> bool:
    """Say whether policies hold for this role: PostgreSQL then takes no COPY; asked once."""
    if db.engine not in _guarded:
        _guarded[db.engine] = bool(direct.scalar(db, "SELECT row_security_active('events')"))
    return _guarded[db.engine]


def append_each(connection: Any, commands: Sequence[tuple[Context, Append, Rows]]) -> list[str]:
    """Record one tenant's commands of one stream each, in one statement of its own transaction.

    Args:
        connection: The driver's, in autocommit.
        commands: Each with its rows; no two of one stream.

    Returns:
        For each command ``recorded``, ``repeated`` or ``lost``: its stream has moved on.

    Raises:
        psycopg2.Error: none of them was recorded, unless the connection is lost.
    """
    ids = [_command(context, outcome_text(spans_of([append]))) for context, append, _ in commands]
    values = {
        **{name: array_of([one[name] for one in ids]) for name in ids[0]},
        **_head_arrays([append for _, append, _ in commands]),
        **_columns([row for _, _, rows in commands for row in rows]),
        "event_of": array_of([n for n, (_, _, rows) in enumerate(commands, 1) for _ in rows]),
    }
    with connection.cursor() as cursor:
        tenant = commands[0][0].tenant
        cursor.execute(*bound(direct.written(_APPEND_EACH, "pyformat"), values, tenant))
        answers: list[str] | None = cursor.fetchone()[0]
        return answers or ["recorded"] * len(commands)


def array_of(values: Sequence[Any]) -> str:
    r"""Return an array as PostgreSQL reads it: one constant, where ``ARRAY[...]`` is a tree.

    >>> array_of(["a", 'say "b"', None]), array_of([3, 4]), array_of([b"\x01"])
    ('{"a","say \\"b\\"",NULL}', '{3,4}', '{"\\\\x01"}')
    """
    if not values:
        return "{}"
    kind = type(values[0])
    if kind is int:
        return f"{{{','.join(map(str, values))}}}"
    if kind is bytes:
        return '{"\\\\x' + '","\\\\x'.join([value.hex() for value in values]) + '"}'
    return f"{{{','.join(map(_quoted, values))}}}"


def _quoted(text: str | None) -> str:
    if text is None:
        return "NULL"
    if "\\" in text or '"' in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _command(context: Context, outcome: str) -> dict[str, Any]:
    return {
        "of_tenant": context.tenant,
        "of_command": str(context.command_id),
        "of_digest": context.digest,
        "of_outcome": outcome,
    }


def _heads(appends: Sequence[Append]) -> dict[str, str]:
    return _head_arrays(sorted((a for a in appends if a.drafts), key=lambda a: a.stream))


def _head_arrays(appends: Sequence[Append]) -> dict[str, str]:
    return {
        "head_stream": array_of([a.stream for a in appends]),
        "head_expected": array_of([a.expected_version for a in appends]),
        "head_new": array_of([a.expected_version + len(a.drafts) for a in appends]),
    }


def _columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, str]:
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return {
        f"event_{name}": array_of(values) for name, values in zip(COLUMNS, columns, strict=True)
    }
