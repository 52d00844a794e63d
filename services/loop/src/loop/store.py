"""The facts in DuckDB: one file, or memory; columns in, relations out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import DuckDBPyConnection

from chassis.clock import micros
from chassis.envelope import Recorded
from loop.cycle import hash_of
from loop.fact_tables import TABLES, Fact
from loop.facts import Row
from loop.relations import schema_of

_SQL = {"string": "VARCHAR", "int64": "BIGINT", "boolean": "BOOLEAN"}
_ARROW = {"string": pa.string(), "int64": pa.int64(), "boolean": pa.bool_()}
EVENT = {
    "service": "!string",
    "position": "!int64",
    "lane": "!int64",
    "tenant": "!string",
    "stream": "!string",
    "version": "!int64",
    "type": "!string",
    "schema_version": "!int64",
    "id": "!string",
    "occurred_at": "!int64",
    "recorded_at": "!int64",
    "actor": "!string",
    "command_id": "!string",
    "correlation_id": "!string",
    "causation_id": "!string",
    "traceparent": "string",
}
CHECKPOINT = {
    "name": "!string",
    "lane": "!int64",
    "position": "!int64",
    "chain": "!string",
}
PARKED = {
    "service": "!string",
    "position": "!int64",
    "event": "!string",
    "error": "!string",
    "trace": "!string",
    "tries": "!int64",
    "parked_at": "!int64",
}
SCHEMA: dict[str, dict[str, str]] = {
    "event": EVENT,
    "checkpoint": CHECKPOINT,
    "parked": PARKED,
    **{name: schema_of(fact) for fact, name in TABLES.items()},
}
FINGERPRINT = hash_of(SCHEMA)


class FactStore:
    """A database of facts.

    Args:
        path: Its file; None keeps everything in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.connection = duckdb.connect(str(path) if path else ":memory:")
        self.connection.execute("SET TimeZone = 'UTC'")
        for name, columns in SCHEMA.items():
            self.connection.execute(_create(name, columns))

    @contextmanager
    def cursor(self) -> Iterator[DuckDBPyConnection]:
        """Open a connection of its own to the same database, with tables of its own."""
        cursor = self.connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    @contextmanager
    def transaction(self) -> Iterator[DuckDBPyConnection]:
        """Open a transaction that commits when the block ends."""
        with self.cursor() as db:
            db.begin()
            try:
                yield db
            except BaseException:
                db.rollback()
                raise
            db.commit()

    def close(self) -> None:
        """Close the file, so that another process can open it."""
        self.connection.close()


def insert(db: DuckDBPyConnection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Add rows to a table, column by column."""
    if not rows:
        return
    columns = SCHEMA[name]
    arrays = [
        pa.array(values, type=_ARROW[kind.lstrip("!")])
        for values, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
    ]
    batch = pa.Table.from_arrays(arrays, names=list(columns))
    db.register("arriving", batch)
    db.execute(f'INSERT INTO "{name}" SELECT * FROM arriving')  # noqa: S608  # a name from SCHEMA
    db.unregister("arriving")


def insert_facts(db: DuckDBPyConnection, rows: Iterable[Row]) -> None:
    """Add facts to their tables."""
    by_kind: dict[type[Fact], list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        values = tuple(getattr(row.fact, field.name) for field in fields(row.fact))
        by_kind[type(row.fact)].append((row.service, row.position, row.n, *values))
    for kind, found in by_kind.items():
        insert(db, TABLES[kind], found)


def insert_events(db: DuckDBPyConnection, source: str, events: Iterable[Recorded]) -> None:
    """Add envelopes, without their data."""
    insert(db, "event", [_event_row(source, event) for event in events])


def _event_row(source: str, event: Recorded) -> tuple[Any, ...]:
    return (
        source,
        event.position,
        event.lane,
        event.tenant,
        event.stream,
        event.version,
        event.type,
        event.schema_version,
        str(event.id),
        micros(event.occurred_at),
        micros(event.recorded_at),
        event.actor,
        str(event.command_id),
        str(event.correlation_id),
        str(event.causation_id),
        event.traceparent,
    )


def _create(name: str, columns: Mapping[str, str]) -> str:
    parts = [
        f'"{column}" {_SQL[kind.lstrip("!")]}{" NOT NULL" if kind.startswith("!") else ""}'
        for column, kind in columns.items()
    ]
    return f'CREATE TABLE IF NOT EXISTS "{name}" ({", ".join(parts)})'
