"""Which tables a PostgreSQL database has, and what COPY needs to know of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from chassis import direct
from chassis.database import sqlstate
from chassis.errors import Rejected

_NOT_ALLOWED = "42501"
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
# Tables of which a policy may hide rows: none that shows all of them is for whoever asks.
_HIDING = """SELECT c.relname AS name FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT c.relispartition AND row_security_active(c.oid) AND (
        EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive)
        OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polcmd IN ('*', 'r')
            AND pg_get_expr(p.polqual, p.polrelid) = 'true' AND (0 = ANY (p.polroles) OR EXISTS (
                SELECT FROM unnest(p.polroles) r WHERE pg_has_role(current_user, r, 'USAGE')))))
ORDER BY 1"""
_FORCED = """SELECT c.relforcerowsecurity AND row_security_active(c.oid) FROM pg_class c
WHERE c.oid = CAST(:name AS regclass)"""
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


class RowsHidden(Rejected):
    """A policy hides rows of a table from this role: its copy would lack them."""

    code = "rows_hidden"


def refuse_hidden(db: Connection) -> None:
    """Refuse to copy as a role that does not see every row; raises RowsHidden."""
    hiding = [row["name"] for row in direct.rows(db, _HIDING)]
    if hiding:
        raise RowsHidden(f"this role may not see every row of {', '.join(hiding)}; be the owner")


@contextmanager
def allowed() -> Iterator[None]:
    """Turn PostgreSQL's refusal to show a table into ``RowsHidden``."""
    try:
        yield
    except DBAPIError as error:
        if sqlstate(error) == _NOT_ALLOWED:
            raise RowsHidden("this role may not read every table; be the owner") from error
        raise


@contextmanager
def as_owner(db: Connection, name: str) -> Iterator[None]:
    """Let the owner of a table copy into it, which policies forbid also where they hide nothing.

    Nobody sees it without its policies: the transaction keeps the table to itself.
    """
    table = quoted(db, name)
    forced = bool(direct.scalar(db, _FORCED, {"name": table}))
    if forced:
        direct.execute(db, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    if forced:
        direct.execute(db, f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


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
