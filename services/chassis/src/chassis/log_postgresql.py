"""The log in PostgreSQL: writers insert committed rows, the sequencer gives them positions.

A number drawn before commit would let a reader pass an event that is not visible yet, so
writers draw none.  They lock the stream's head, check its version, and insert rows; the
sequencer (``chassis.sequencer``) sees only committed rows and numbers them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import direct
from chassis.context import Context
from chassis.database import sqlstate
from chassis.envelope import Envelope
from chassis.errors import Conflict
from chassis.log import Append, Appended, envelopes_of, spans_of
from chassis.log_rows import COLUMNS, SqlReads, command_row, row_of

PARTITION_ROWS = 10_000_000

_REFUSE = """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""

_ARRAYS = {
    "id": "uuid", "tenant": "text", "stream": "text", "version": "int", "type": "text",
    "schema_version": "int", "lane": "int", "occurred_at": "bigint", "recorded_at": "bigint",
    "actor": "text", "command_id": "uuid", "correlation_id": "uuid", "causation_id": "uuid",
    "traceparent": "text", "subjects": "text", "data": "bytea",
}  # fmt: skip
_COMMAND = {"tenant": "text", "command_id": "uuid", "digest": "bytea", "outcome": "text"}
_HEADS = {"head_stream": "text[]", "head_expected": "int[]", "head_new": "int[]"}
_EVENTS = {f"event_{name}": f"{kind}[]" for name, kind in _ARRAYS.items()}
_PARAMETERS = {**{f"the_{name}": kind for name, kind in _COMMAND.items()}, **_HEADS, **_EVENTS}
_CONFLICT = "SF409"

# One call, so one round trip, and plans that the server keeps.  The heads come sorted: two
# commands over the same streams cannot deadlock.
_APPEND_EVENTS = f"""CREATE FUNCTION append_events(
    {", ".join(f"{name} {kind}" for name, kind in _PARAMETERS.items())}
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO commands (tenant, command_id, digest, outcome)
        VALUES (the_tenant, the_command_id, the_digest, the_outcome) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    FOR i IN 1 .. coalesce(array_length(head_stream, 1), 0) LOOP
        IF head_expected[i] = 0 THEN
            INSERT INTO streams (tenant, stream, version)
                VALUES (the_tenant, head_stream[i], head_new[i]) ON CONFLICT DO NOTHING;
        ELSE
            UPDATE streams SET version = head_new[i] WHERE streams.tenant = the_tenant
                AND streams.stream = head_stream[i] AND streams.version = head_expected[i];
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION '% is not at %', head_stream[i], head_expected[i]
                USING ERRCODE = '{_CONFLICT}';
        END IF;
    END LOOP;
    WITH written AS (
        INSERT INTO events ({", ".join(COLUMNS)})
        SELECT {", ".join(COLUMNS)} FROM unnest({", ".join(_EVENTS)})
            WITH ORDINALITY AS rows ({", ".join(_ARRAYS)}, ordinal) ORDER BY ordinal
        RETURNING row_id)
    INSERT INTO pending (row_id) SELECT row_id FROM written;
    RETURN true;
END $$"""  # noqa: S608
_APPEND = (
    "SELECT append_events("
    + ", ".join(f"CAST(:{name} AS {kind})" for name, kind in _PARAMETERS.items())
    + ")"
)


SCHEMA_V1 = (
    """CREATE TABLE streams (
        tenant text NOT NULL, stream text NOT NULL, version integer NOT NULL,
        PRIMARY KEY (tenant, stream))""",
    """CREATE TABLE events (
        row_id bigint GENERATED ALWAYS AS IDENTITY, id uuid NOT NULL, tenant text NOT NULL,
        stream text NOT NULL, version integer NOT NULL, type text NOT NULL,
        schema_version integer NOT NULL, lane smallint NOT NULL, occurred_at bigint NOT NULL,
        recorded_at bigint NOT NULL, actor text NOT NULL, command_id uuid NOT NULL,
        correlation_id uuid NOT NULL, causation_id uuid NOT NULL, traceparent text,
        subjects text NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (row_id)) PARTITION BY RANGE (row_id)""",
    f"CREATE TABLE events_0 PARTITION OF events FOR VALUES FROM (0) TO ({PARTITION_ROWS})",
    "CREATE TABLE events_rest PARTITION OF events DEFAULT",
    "CREATE INDEX events_by_stream ON events (tenant, stream, version)",
    "CREATE TABLE pending (row_id bigint PRIMARY KEY)",
    """CREATE TABLE positions (
        position bigint PRIMARY KEY, row_id bigint NOT NULL UNIQUE, lane smallint NOT NULL,
        prev bigint NOT NULL, chain bytea NOT NULL)""",
    "CREATE INDEX positions_by_lane ON positions (lane, position)",
    """CREATE TABLE commands (
        tenant text NOT NULL, command_id uuid NOT NULL, digest bytea NOT NULL,
        outcome text NOT NULL, PRIMARY KEY (tenant, command_id))""",
    _APPEND_EVENTS,
    _REFUSE,
    *(
        f"""CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"""
        for table in ("events", "events_0", "events_rest", "positions", "commands")
    ),
)


class PostgresqlLog(SqlReads):
    """The log in PostgreSQL, as one open transaction sees it."""

    def __init__(self, db: Connection) -> None:
        super().__init__(
            db, positions="positions p", joined="positions p JOIN events e ON e.row_id = p.row_id"
        )

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none."""
        spans = spans_of(appends)
        events = envelopes_of(context, appends, recorded_at)
        call = {
            **{f"the_{name}": value for name, value in command_row(context, spans).items()},
            **_heads(appends),
            **_columns(events),
        }
        try:
            claimed = direct.scalar(self._db, _APPEND, call)
        except DBAPIError as error:
            if sqlstate(error) == _CONFLICT:
                raise Conflict("a stream has moved on") from error
            raise
        if not claimed:
            return Appended(events=(), spans=self.outcome(context) or (), repeated=True)
        return Appended(events=events, spans=spans)

    def unplaced(self) -> int:
        """Return how many committed events the sequencer has not numbered yet."""
        return self._scalar("SELECT count(*) FROM pending")


def _heads(appends: Sequence[Append]) -> dict[str, list[Any]]:
    moved = sorted((a.stream, a.expected_version, len(a.drafts)) for a in appends if a.drafts)
    return {
        "head_stream": [stream for stream, _, _ in moved],
        "head_expected": [expected for _, expected, _ in moved],
        "head_new": [expected + count for _, expected, count in moved],
    }


def _columns(events: Sequence[Envelope]) -> dict[str, list[Any]]:
    rows = [row_of(event) for event in events]
    return {f"event_{name}": [row[name] for row in rows] for name in _ARRAYS}
