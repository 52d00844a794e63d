"""Our own SQL straight on a transaction's driver connection.

SQLAlchemy makes the connection, the transaction and the errors.  What it adds to a statement,
its compiler and its result, costs ten times what SQLite needs for the answer, and the log, the
checkpoints and the timers run a dozen of them for each event.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError

_NAMED = re.compile(r"(?<!:):(\w+)")
_NOTHING: Mapping[str, Any] = {}
Row = Mapping[str, Any]


def rows(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> list[Row]:
    """Return what a query finds.

    Args:
        db: An open transaction.
        sql: With ``:named`` parameters; constant text, never made from input.
        values: Theirs, as the driver takes them.

    Raises:
        DBAPIError: the driver's error, wrapped as SQLAlchemy does it.
    """
    with _cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def scalar(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> Any:
    """Return the first column of the first row, None when there is none; raises DBAPIError."""
    with _cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        row = cursor.fetchone()
    return row[0] if row else None


def execute(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> int:
    """Run a statement; return how many rows it changed; raises DBAPIError."""
    with _cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        return int(cursor.rowcount)


def execute_many(db: Connection, sql: str, values: Sequence[Mapping[str, Any]]) -> None:
    """Run a statement once for each of several sets of values; raises DBAPIError."""
    with _cursor(db) as cursor:
        cursor.executemany(written(sql, db.dialect.paramstyle), values)


@cache
def written(sql: str, style: str) -> str:
    """Return SQL with its parameters as a driver writes them.

    >>> written("SELECT :a, CAST(:b AS int), 1::int", "pyformat")
    'SELECT %(a)s, CAST(%(b)s AS int), 1::int'
    """
    return _NAMED.sub(r"%(\1)s", sql) if style == "pyformat" else sql


@contextmanager
def _cursor(db: Connection) -> Iterator[Any]:
    cursor = db.connection.cursor()
    try:
        yield cursor
    except db.dialect.loaded_dbapi.Error as error:
        raise wrapped(error, db.dialect) from error
    finally:
        cursor.close()


def wrapped(error: Exception, dialect: Dialect) -> BaseException:
    """Return a driver's error as SQLAlchemy would raise it; no value is quoted in it."""
    lost = dialect.is_disconnect(error, None, None)  # type: ignore[arg-type]  # both may be unknown
    return DBAPIError.instance(
        None,
        None,
        error,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=lost,
        dialect=dialect,
    )
