"""Insert a row unless its key is taken, the same way on both databases."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_once(db: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row and say whether it was new; one that exists stays as it is."""
    dialect = sqlite if db.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(values).on_conflict_do_nothing()
    # psycopg forgets an insert's count with its cursor, unless SQLAlchemy is told to keep it.
    counted = statement.execution_options(preserve_rowcount=True)
    return db.execute(counted).rowcount == 1
