"""Insert a row unless its key is taken, the same way on both databases."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(db: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row and say whether it was new; one that exists stays as it is."""
    statement = _insert(table, db.dialect.name, frozenset(values))
    return db.execute(statement, values).rowcount == 1


@cache
def _insert(table: Table, dialect: str, columns: frozenset[str]) -> Insert:
    # Kept, because SQLAlchemy does not know this kind again and would compile it every time.
    given: dict[str, Any] = {name: bindparam(name) for name in sorted(columns)}
    inserting = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement: Insert = inserting(table).values(given).on_conflict_do_nothing()
    # psycopg forgets an insert's count with its cursor, unless SQLAlchemy is told to keep it.
    return statement.execution_options(preserve_rowcount=True)
