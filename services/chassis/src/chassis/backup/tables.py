"""Which tables a PostgreSQL database has, and what COPY needs to know of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from chassis import direct

SKIPPED = ("alembic_version", "restored")
_TABLES = """SELECT c.relname AS name, c.relkind = 'p' AS parted,
    ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
        AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
    ARRAY(SELECT a.attname::text FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY k(n, o)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.n
        WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY k.o) AS keys
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> ALL (:skipped)
ORDER BY c.relname"""
_SEQUENCES = """SELECT sequencename::text AS name, last_value FROM pg_sequences
WHERE schemaname = current_schema() ORDER BY 1"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One table.

    Args:
        name: Of the table.
        columns: That COPY writes, in order.
        keys: Of the primary key.
        parted: Whether its rows are in partitions, by the first column of the key.
    """

    name: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    parted: bool


def shapes(db: Connection) -> list[Shape]:
    """Return the tables of a PostgreSQL database that belong to its service."""
    found = direct.rows(db, _TABLES, {"skipped": list(SKIPPED)})
    return [
        Shape(
            name=row["name"],
            columns=tuple(row["columns"]),
            keys=tuple(row["keys"]),
            parted=row["parted"],
        )
        for row in found
    ]


def sequences(db: Connection) -> Mapping[str, int]:
    """Return the last number that each sequence gave; those that gave none are left out."""
    return {
        row["name"]: row["last_value"]
        for row in direct.rows(db, _SEQUENCES)
        if row["last_value"] is not None
    }


def quoted(db: Connection, *names: str) -> str:
    """Return names as SQL writes them, in a list."""
    return ", ".join(map(db.dialect.identifier_preparer.quote, names))
