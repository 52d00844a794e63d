"""What a hot stream needs of the log: its head held, many commands looked up and appended.

Both adapters keep the promises of ``chassis.log``; a run is the appends of several commands to one
stream, whose head this transaction holds.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import msgspec
import psycopg2
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import direct
from chassis.clock import micros, moment
from chassis.context import Context
from chassis.database import sqlstate
from chassis.envelope import COLUMNS, Envelope, envelope_of, uuid_of
from chassis.errors import Conflict, Unavailable
from chassis.isolation.transactions import bound
from chassis.log import Span
from chassis.log_postgresql import NO_PARTITION, array_of
from chassis.log_postgresql_schema import APPEND_AT_ONCE, APPEND_RUN, HOLD_STREAM, call
from chassis.log_rows import ENVELOPE, REMEMBER_COMMAND, command_row
from chassis.log_sqlite import SqliteLog
from chassis.states import Folded

_TAKEN = "23505"
_NOTHING = Folded(state=None)
_read = msgspec.json.decode

_HOLD = call("hold_stream", HOLD_STREAM).replace("SELECT ", "SELECT * FROM ")
_APPEND = call("append_run", APPEND_RUN)
_AT_ONCE = call("append_at_once", APPEND_AT_ONCE)
_WAIT = "SELECT version FROM streams WHERE tenant = :tenant AND stream = :stream FOR UPDATE"
_AT = """SELECT max(version), (SELECT id FROM events
        WHERE tenant = :tenant AND stream = :stream AND version = :at),
    (SELECT recorded_at FROM events
        WHERE tenant = :tenant AND stream = :stream AND version = :at)
FROM events WHERE tenant = :tenant AND stream = :stream"""
_KNOWN = """SELECT command_id, digest, outcome FROM commands
WHERE tenant = :tenant AND command_id IN (SELECT value FROM json_each(:ids))"""
_SPAN = f"""SELECT {ENVELOPE} FROM events e WHERE e.tenant = :tenant AND e.stream = :stream
AND e.version BETWEEN :first AND :last ORDER BY e.version"""  # noqa: S608  # our own columns


class Known(NamedTuple):
    """A command that was carried out before: whose it was, and what it recorded."""

    digest: bytes
    spans: Sequence[Span]


class Held(NamedTuple):
    """A stream that nobody else writes until this transaction ends.

    Args:
        version: Where it is, 0 when it does not exist; then nothing is held.
        stands: The state that is kept of it was folded from events that are still there.
        known: Those of the commands that were carried out before.
    """

    version: int
    stands: bool
    known: Mapping[str, Known]


@dataclass(kw_only=True, slots=True)
class Run:
    """What several commands append to one stream.

    Args:
        before: The stream's version in front of it.
        commands: In the order in which they were decided, each with what it recorded.
        rows: The columns of all their events.
    """

    tenant: str
    stream: str
    before: int
    commands: list[tuple[Context, Sequence[Span]]] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """Return the stream's version after it."""
        return self.before + len(self.rows)


class HotLog(Protocol):
    """The log as a transaction sees it that decides for many."""

    def hold(
        self, tenant: str, stream: str, *, kept: Folded | None, commands: Sequence[str]
    ) -> Held:
        """Keep other writers of a stream waiting; look at a kept state, and commands, after that.

        Args:
            tenant: Whose data.
            stream: The stream's whole name.
            kept: A state that may be out of date, or not of this log at all.
            commands: Ids to look up.
        """

    def events(self, tenant: str, span: Span) -> Sequence[Envelope]:
        """Return the events of a span that are still in the database."""

    def append(self, run: Run) -> None:
        """Record commands and their events.

        Raises:
            Conflict: the stream was begun, or a command carried out, by somebody who did not hold
                the stream.
        """


class _Reads:
    def __init__(self, db: Connection) -> None:
        self._db = db

    def events(self, tenant: str, span: Span) -> Sequence[Envelope]:
        place = {"tenant": tenant, "stream": span.stream, "first": span.first, "last": span.last}
        return [envelope_of(row) for row in direct.tuples(self._db, _SPAN, place)]


class HotPostgresql(_Reads):
    """In PostgreSQL the head's row is locked; holding is one statement, and writing another."""

    def hold(
        self, tenant: str, stream: str, *, kept: Folded | None, commands: Sequence[str]
    ) -> Held:
        """Lock the head; a stream that does not exist has none, so two may try to begin it."""
        kept = kept or _NOTHING
        asked = {
            "of_tenant": tenant,
            "of_stream": stream,
            "at_version": kept.version,
            "of_commands": array_of(commands),
        }
        ((version, last, at, *known),) = direct.tuples(self._db, _HOLD, asked)
        rows = zip(*(column or () for column in known), strict=True)
        return Held(version or 0, _is_last(kept, last, at), _known(rows))

    def append(self, run: Run) -> None:
        """Record commands and their events."""
        try:
            direct.execute(self._db, _APPEND, _arrays(run))
        except DBAPIError as error:
            if sqlstate(error) == _TAKEN:
                raise Conflict("somebody wrote without holding the stream") from error
            if sqlstate(error) == NO_PARTITION:
                raise Unavailable("the log waits for its sequencer to make room") from error
            raise


class HotSqlite(_Reads):
    """In SQLite every writing transaction holds the whole file."""

    def hold(
        self, tenant: str, stream: str, *, kept: Folded | None, commands: Sequence[str]
    ) -> Held:
        """Look; nothing is to be locked."""
        kept = kept or _NOTHING
        place = {"tenant": tenant, "stream": stream, "at": kept.version}
        ((version, last, at),) = direct.tuples(self._db, _AT, place)
        asked = {"tenant": tenant, "ids": json.dumps(commands)}
        known = _known(direct.tuples(self._db, _KNOWN, asked))
        return Held(version or 0, _is_last(kept, last, at), known)

    def append(self, run: Run) -> None:
        """Record commands and their events, each kind at once."""
        SqliteLog(self._db).insert(run.rows)
        noted = [command_row(context, spans) for context, spans in run.commands]
        direct.execute_many(self._db, REMEMBER_COMMAND, noted)


def hot_log_on(db: Connection) -> HotLog:
    """Return the adapter that fits a transaction's database."""
    return HotSqlite(db) if db.dialect.name == "sqlite" else HotPostgresql(db)


def append_at_once(connection: Any, run: Run, kept: Folded) -> bool:
    """Record what was decided without holding the stream, in one statement of its own transaction.

    Args:
        connection: The driver's, in autocommit, to PostgreSQL.
        run: Commands with at least one event.
        kept: The state that they were decided on.

    Returns:
        Whether it was recorded.  If not, the stream has moved on, a command was carried out
        before, or something failed: whoever holds the stream will see which.
    """
    values = {
        "last_id": str(kept.last_id),
        "last_at": micros(kept.recorded_at) if kept.recorded_at else 0,
        **_arrays(run),
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(*bound(direct.written(_AT_ONCE, "pyformat"), values, run.tenant))
            return bool(cursor.fetchone()[0])
    except psycopg2.Error:
        return False


def wait_turn(db: Connection, tenant: str, stream: str) -> None:
    """Wait for one's turn on a stream, and keep it until the end of the transaction."""
    if db.dialect.name != "sqlite":  # there the transaction has the file already
        direct.execute(db, _WAIT, {"tenant": tenant, "stream": stream})


def _arrays(run: Run) -> dict[str, Any]:
    columns = zip(*run.rows, strict=True) if run.rows else [()] * len(COLUMNS)
    noted = [command_row(context, spans) for context, spans in run.commands]
    return {
        "of_tenant": run.tenant,
        "of_stream": run.stream,
        "before": run.before,
        "last": run.last,
        "of_command": array_of([row["command_id"] for row in noted]),
        "of_digest": array_of([row["digest"] for row in noted]),
        "of_outcome": array_of([row["outcome"] for row in noted]),
        **{f"event_{n}": array_of(v) for n, v in zip(COLUMNS, columns, strict=True)},
    }


def _is_last(kept: Folded, last: str | None, recorded_at: int | None) -> bool:
    if last is None or recorded_at is None:
        return False
    return (uuid_of(last), moment(recorded_at)) == (kept.last_id, kept.recorded_at)


def _known(rows: Iterable[tuple[Any, ...]]) -> Mapping[str, Known]:
    return {
        command: Known(
            bytes(digest), [Span(stream=s, first=a, last=b) for s, a, b in _read(outcome)]
        )
        for command, digest, outcome in rows
    }
