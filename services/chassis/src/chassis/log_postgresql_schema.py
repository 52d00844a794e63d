"""The tables of a PostgreSQL log, and the functions that make an append one round trip."""

from chassis.envelope import COLUMNS
from chassis.ids import LANES
from chassis.log_partitions import AHEAD, REFUSE_CHANGE, ROWS, partition_functions, refusing

CONFLICT = "SF409"

_KINDS = {
    "id": "uuid", "tenant": "text", "stream": "text", "version": "int", "type": "text",
    "schema_version": "int", "lane": "smallint", "occurred_at": "bigint", "recorded_at": "bigint",
    "actor": "text", "command_id": "uuid", "correlation_id": "uuid", "causation_id": "uuid",
    "traceparent": "text", "subjects": "text", "data": "bytea",
}  # fmt: skip
_AS_TEXT = {name: "text" for name, kind in _KINDS.items() if kind == "uuid"}
_ROWS = {f"event_{name}": f"{_KINDS[name]}[]" for name in COLUMNS}
_COMMAND = {"of_tenant": "text", "of_command": "uuid", "of_digest": "bytea", "of_outcome": "text"}
_HEADS = {"head_stream": "text[]", "head_expected": "int[]", "head_new": "int[]"}

APPEND_EVENTS = {**_COMMAND, **_HEADS, **_ROWS}
"""The parameters of ``append_events`` and their types, in order."""
CLAIM = {**_COMMAND, **_HEADS, "wanted": "int"}
"""Those of ``claim_rows``."""
APPEND_EACH = {
    **{name: f"{kind}[]" for name, kind in _COMMAND.items()}, **_HEADS, **_ROWS,
    "event_of": "int[]",
}  # fmt: skip
"""Those of ``append_each``: one command and one head at each index."""
HOLD_STREAM = {
    "of_tenant": "text", "of_stream": "text", "at_version": "int", "of_commands": "uuid[]",
}  # fmt: skip
"""Those of ``hold_stream``: whose head, an event to look at, commands to look up."""
APPEND_RUN = {
    "of_tenant": "text", "of_stream": "text", "before": "int", "last": "int",
    "of_command": "uuid[]", "of_digest": "bytea[]", "of_outcome": "text[]", **_ROWS,
}  # fmt: skip
"""Those of ``append_run``: several commands, and the events of all of them, for one stream."""
APPEND_AT_ONCE = {"last_id": "uuid", "last_at": "bigint", **APPEND_RUN}
"""Those of ``append_at_once``: also the event that the stream has to end with."""
END_BATCH = {
    "of_lane": "smallint[]", "of_position": "bigint[]", "of_chain": "bytea[]", "last_row": "bigint",
}  # fmt: skip
"""Those of ``end_batch``: the lanes' new heads, the highest position last."""
_SEQUENCING = 0x51F01D

# A plan is kept for a session that may begin with empty tables, where reading all of them looks
# cheapest, and go on until they have millions of rows.  Compiling a plan takes 0.2 s, and what it
# thinks of a forbidden scan's cost would make it do so.
_BY_INDEX = (
    "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off"
)


def call(function: str, parameters: dict[str, str]) -> str:
    """Return the statement that calls one of the functions, with ``:named`` parameters.

    >>> call("add", {"a": "int", "b": "text[]"})
    'SELECT add(CAST(:a AS int), CAST(:b AS text[]))'
    """
    casts = ", ".join(f"CAST(:{name} AS {kind})" for name, kind in parameters.items())
    return f"SELECT {function}({casts})"


def _signature(parameters: dict[str, str]) -> str:
    return ", ".join(f"{name} {kind}" for name, kind in parameters.items())


# Returns the numbers of the heads that are not where their writers expect them.  Locks are taken
# in sorted order: two commands over the same streams cannot deadlock.
_MOVE_HEADS = """CREATE FUNCTION move_heads(
    head_tenant text[], head_stream text[], head_expected int[], head_new int[]
) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE lost int[];
BEGIN
    IF cardinality(head_stream) > 1 AND 0 < ANY (head_expected) THEN
        PERFORM 1 FROM unnest(head_tenant, head_stream, head_expected) AS w (tenant, stream, at)
            JOIN streams s ON s.tenant = w.tenant AND s.stream = w.stream
            WHERE w.at > 0 ORDER BY s.tenant, s.stream FOR UPDATE OF s;
    END IF;
    WITH wanted AS MATERIALIZED (
        SELECT * FROM unnest(head_tenant, head_stream, head_expected, head_new)
            WITH ORDINALITY AS w (tenant, stream, expected, new, number)),
    begun AS (
        INSERT INTO streams (tenant, stream, version)
            SELECT tenant, stream, new FROM wanted WHERE expected = 0 ORDER BY tenant, stream
            ON CONFLICT DO NOTHING RETURNING tenant, stream),
    moved AS (
        UPDATE streams s SET version = w.new FROM wanted w
            WHERE w.expected > 0 AND s.tenant = w.tenant AND s.stream = w.stream
                AND s.version = w.expected
            RETURNING s.tenant, s.stream)
    SELECT array_agg(number) INTO lost FROM wanted WHERE (tenant, stream) NOT IN (
        SELECT tenant, stream FROM begun UNION ALL SELECT tenant, stream FROM moved);
    RETURN coalesce(lost, '{}');
END $$"""

_CLAIM_COMMAND = f"""CREATE FUNCTION claim_command({_signature({**_COMMAND, **_HEADS})})
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE lost int[];
BEGIN
    INSERT INTO commands (tenant, command_id, digest, outcome)
        VALUES (of_tenant, of_command, of_digest, of_outcome) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN RETURN false; END IF;
    lost := move_heads(array_fill(of_tenant, ARRAY[cardinality(head_stream)]),
        head_stream, head_expected, head_new);
    IF cardinality(lost) > 0 THEN
        RAISE EXCEPTION '% is not at %', head_stream[lost[1]], head_expected[lost[1]]
            USING ERRCODE = '{CONFLICT}';
    END IF;
    RETURN true;
END $$"""  # noqa: S608

# Neighbouring rows wait for their positions as one run: one narrow row for a whole batch.
_QUEUE = """INSERT INTO pending (first, last)
        SELECT min(row_id), max(row_id) FROM (
            SELECT row_id, row_id - row_number() OVER (ORDER BY row_id) AS run FROM written) AS w
        GROUP BY run"""

_INSERT_ROWS = f"""CREATE FUNCTION insert_rows({_signature(_ROWS)}, event_of int[], lost int[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH written AS (
        INSERT INTO events ({", ".join(COLUMNS)})
        SELECT {", ".join(COLUMNS)} FROM unnest({", ".join(_ROWS)}, event_of)
            WITH ORDINALITY AS w ({", ".join(COLUMNS)}, number, ordinal)
        WHERE NOT coalesce(number = ANY (lost), false) ORDER BY ordinal RETURNING row_id)
    {_QUEUE};
END $$"""  # noqa: S608

_APPEND_EVENTS = f"""CREATE FUNCTION append_events({_signature(APPEND_EVENTS)})
RETURNS boolean LANGUAGE plpgsql {_BY_INDEX} AS $$
BEGIN
    IF NOT claim_command({", ".join({**_COMMAND, **_HEADS})}) THEN RETURN false; END IF;
    IF cardinality(event_id) > 0 THEN
        PERFORM insert_rows({", ".join(_ROWS)}, '{{}}', '{{}}');
    END IF;
    RETURN true;
END $$"""

# For whoever then copies the rows in: NULL when the command was carried out before.
_CLAIM_ROWS = f"""CREATE FUNCTION claim_rows({_signature(CLAIM)})
RETURNS bigint[] LANGUAGE plpgsql {_BY_INDEX} AS $$
DECLARE drawn bigint[];
BEGIN
    IF NOT claim_command({", ".join({**_COMMAND, **_HEADS})}) THEN RETURN NULL; END IF;
    drawn := ARRAY(SELECT nextval('event_rows') FROM generate_series(1, wanted));
    WITH written AS (SELECT unnest(drawn) AS row_id) {_QUEUE};
    RETURN drawn;
END $$"""  # noqa: S608

# Several commands of one stream each, whose streams differ: each gets its own answer, NULL when all
# were recorded.  One that is known but whose head moves all the same fails the whole call, and
# its caller asks one by one.
_APPEND_EACH = f"""CREATE FUNCTION append_each({_signature(APPEND_EACH)})
RETURNS text[] LANGUAGE plpgsql SET lock_timeout = '100ms' {_BY_INDEX} AS $$
DECLARE lost int[]; repeated int[] := '{{}}';
BEGIN
    lost := move_heads(of_tenant, head_stream, head_expected, head_new);
    INSERT INTO commands (tenant, command_id, digest, outcome)
        SELECT tenant, command_id, digest, outcome
        FROM unnest({", ".join(_COMMAND)}) WITH ORDINALITY
            AS w (tenant, command_id, digest, outcome, number)
        WHERE NOT number = ANY (lost);
    PERFORM insert_rows({", ".join(_ROWS)}, event_of, lost);
    IF cardinality(lost) = 0 THEN RETURN NULL; END IF;
    repeated := ARRAY(SELECT w.number::int FROM unnest(of_tenant, of_command)
            WITH ORDINALITY AS w (tenant, command_id, number)
            JOIN commands c ON c.tenant = w.tenant AND c.command_id = w.command_id
            WHERE w.number = ANY (lost));
    RETURN ARRAY(SELECT CASE WHEN n = ANY (repeated) THEN 'repeated'
        WHEN n = ANY (lost) THEN 'lost' ELSE 'recorded' END
        FROM generate_series(1, cardinality(of_command)) AS n ORDER BY n);
END $$"""  # noqa: S608

# Whoever decides for many waits here for the head, and sees what stands after the wait: in a
# function each query has a view of its own.
_HOLD_STREAM = f"""CREATE OR REPLACE FUNCTION hold_stream({_signature(HOLD_STREAM)}) RETURNS TABLE (
    version int, id text, recorded_at bigint, known text[], digests bytea[], outcomes text[])
LANGUAGE plpgsql {_BY_INDEX} AS $$
#variable_conflict use_column
BEGIN
    SELECT s.version INTO hold_stream.version FROM streams s
        WHERE s.tenant = of_tenant AND s.stream = of_stream FOR UPDATE;
    SELECT e.id::text, e.recorded_at INTO hold_stream.id, hold_stream.recorded_at FROM events e
        WHERE e.tenant = of_tenant AND e.stream = of_stream AND e.version = at_version;
    SELECT array_agg(c.command_id::text), array_agg(c.digest), array_agg(c.outcome)
        INTO hold_stream.known, hold_stream.digests, hold_stream.outcomes
        FROM unnest(of_commands) AS w (command) CROSS JOIN LATERAL (
            SELECT * FROM commands k WHERE k.tenant = of_tenant AND k.command_id = w.command
            OFFSET 0) AS c;  -- one search for each: a join may read all commands of the tenant
    RETURN NEXT;
END $$"""  # noqa: S608

_APPEND_RUN = f"""CREATE OR REPLACE FUNCTION append_run({_signature(APPEND_RUN)})
RETURNS void LANGUAGE plpgsql {_BY_INDEX} AS $$
BEGIN
    INSERT INTO commands (tenant, command_id, digest, outcome)
        SELECT of_tenant, * FROM unnest(of_command, of_digest, of_outcome);
    IF last = before THEN RETURN; END IF;
    IF before = 0 THEN
        INSERT INTO streams (tenant, stream, version) VALUES (of_tenant, of_stream, last);
    ELSE
        UPDATE streams SET version = last WHERE tenant = of_tenant AND stream = of_stream;
    END IF;
    PERFORM insert_rows({", ".join(_ROWS)}, '{{}}', '{{}}');
END $$"""  # noqa: S608

# For whoever decided on a state of his own without holding the stream: false, and nothing written,
# when the stream does not end where he thinks.
_APPEND_AT_ONCE = f"""CREATE OR REPLACE FUNCTION append_at_once({_signature(APPEND_AT_ONCE)})
RETURNS boolean LANGUAGE plpgsql {_BY_INDEX} AS $$
BEGIN
    PERFORM 1 FROM events e WHERE e.tenant = of_tenant AND e.stream = of_stream
        AND e.version = before AND e.id = last_id AND e.recorded_at = last_at;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM 1 FROM streams s WHERE s.tenant = of_tenant AND s.stream = of_stream
        AND s.version = before FOR UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM append_run({", ".join(APPEND_RUN)});
    RETURN true;
END $$"""

# Takes the next rows off the queue, each with the log's head and its lane's; a run that is longer
# than what is wanted leaves its rest.  Whoever else numbers waits at the lock, then sees it all.
_NEXT_EVENTS = f"""CREATE FUNCTION next_events(wanted int) RETURNS TABLE (
    {", ".join(f"{name} {_AS_TEXT.get(name, kind)}" for name, kind in _KINDS.items())},
    row_id bigint, head bigint, lane_head bigint, lane_chain bytea)
LANGUAGE plpgsql {_BY_INDEX} AS $$
#variable_conflict use_column
BEGIN
    PERFORM pg_advisory_xact_lock({_SEQUENCING});
    RETURN QUERY WITH next AS (
        SELECT first, last, sum(last - first + 1) OVER (ORDER BY first) AS total
        FROM (SELECT first, last FROM pending ORDER BY first LIMIT wanted) AS q),
    taken AS MATERIALIZED (
        SELECT first, last, (last - greatest(total - wanted, 0))::bigint AS upto FROM next
        WHERE total - (last - first + 1) < wanted),
    gone AS (DELETE FROM pending p USING taken t WHERE p.first = t.first),
    rest AS (INSERT INTO pending SELECT upto + 1, last FROM taken WHERE upto < last)
    SELECT {", ".join(f"e.{n}::text" if n in _AS_TEXT else f"e.{n}" for n in COLUMNS)},
        e.row_id, (SELECT max(position) FROM heads), h.position, h.chain
    FROM taken t CROSS JOIN LATERAL (
        SELECT * FROM events e WHERE e.row_id BETWEEN t.first AND t.upto ORDER BY e.row_id) AS e
    JOIN heads h ON h.lane = e.lane ORDER BY e.row_id;
END $$"""  # noqa: S608

_END_BATCH = f"""CREATE FUNCTION end_batch({_signature(END_BATCH)})
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE heads SET position = w.position, chain = w.chain
        FROM unnest(of_lane, of_position, of_chain) AS w (lane, position, chain)
        WHERE heads.lane = w.lane;
    -- Not the last row: numbers that were drawn and rolled back may be far ahead of it.
    PERFORM add_partitions('events', greatest(last_row, (SELECT last_value FROM event_rows)));
    PERFORM add_partitions('positions', of_position[cardinality(of_position)]);
END $$"""  # noqa: S608


def schema(partition_rows: int = ROWS) -> tuple[str, ...]:
    """Return the statements that make an empty log.

    Args:
        partition_rows: How many rows, or positions, a partition holds.
    """
    return (
        """CREATE TABLE streams (
            tenant text NOT NULL, stream text NOT NULL, version integer NOT NULL,
            PRIMARY KEY (tenant, stream)) WITH (fillfactor = 80)""",
        "CREATE SEQUENCE event_rows",
        """CREATE TABLE events (
            row_id bigint NOT NULL DEFAULT nextval('event_rows'),
            occurred_at bigint NOT NULL, recorded_at bigint NOT NULL,
            version integer NOT NULL, schema_version integer NOT NULL, lane smallint NOT NULL,
            id uuid NOT NULL, command_id uuid NOT NULL, correlation_id uuid NOT NULL,
            causation_id uuid NOT NULL, tenant text NOT NULL, stream text NOT NULL,
            type text NOT NULL, actor text NOT NULL, traceparent text, subjects text NOT NULL,
            data bytea NOT NULL, PRIMARY KEY (row_id)) PARTITION BY RANGE (row_id)""",
        "CREATE INDEX events_by_stream ON events (tenant, stream, version)",
        "CREATE TABLE pending (first bigint PRIMARY KEY, last bigint NOT NULL)",
        """CREATE TABLE positions (
            position bigint NOT NULL, row_id bigint NOT NULL, prev bigint NOT NULL,
            lane smallint NOT NULL, chain bytea NOT NULL, PRIMARY KEY (position))
            PARTITION BY RANGE (position)""",
        "CREATE INDEX positions_by_lane ON positions (lane, position)",
        "CREATE INDEX positions_by_row ON positions (row_id)",
        """CREATE TABLE heads (
            lane smallint PRIMARY KEY, position bigint NOT NULL, chain bytea NOT NULL)
            WITH (fillfactor = 20)""",
        f"""INSERT INTO heads (lane, position, chain)
            SELECT lane, 0, decode(repeat('00', 32), 'hex')
            FROM generate_series(0, {LANES - 1}) AS lane""",  # noqa: S608
        """CREATE TABLE commands (
            tenant text NOT NULL, command_id uuid NOT NULL, digest bytea NOT NULL,
            outcome text NOT NULL, PRIMARY KEY (tenant, command_id))""",
        # Up to which position events have left the database, and where their segments are.
        """CREATE TABLE released (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, up_to bigint NOT NULL,
            archive text NOT NULL, service text NOT NULL)""",
        REFUSE_CHANGE,
        *map(refusing, ("events", "positions", "commands", "released")),
        *partition_functions(partition_rows),
        "SELECT add_partitions('events', 0)",
        "SELECT add_partitions('positions', 0)",
        _MOVE_HEADS,
        _CLAIM_COMMAND,
        _INSERT_ROWS,
        _APPEND_EVENTS,
        _CLAIM_ROWS,
        _APPEND_EACH,
        _HOLD_STREAM,
        _APPEND_RUN,
        _APPEND_AT_ONCE,
        _NEXT_EVENTS,
        _END_BATCH,
    )


SCHEMA_V1 = schema()
TABLES = frozenset(
    {"streams", "events", "pending", "positions", "heads", "commands", "released"}
    | {f"{table}_{n}" for table in ("events", "positions") for n in range(AHEAD + 1)}
)

HOT_FUNCTIONS = (_HOLD_STREAM, _APPEND_RUN, _APPEND_AT_ONCE)
"""What hot streams need of a log that was made before there were any."""
