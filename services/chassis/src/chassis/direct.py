"""Our own SQL straight on a transaction's driver connection.

SQLAlchemy makes the connection, the transaction and the errors.  What it adds to a statement,
its compiler and its result, costs ten times what SQLite needs for the answer, and the log, the
checkpoints and the timers run a dozen of them for each event.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from types import TracebackType
from typing import Any, Protocol

from psycopg2.extensions import get_wait_callback
from sqlalchemy import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

_NAMED = re.compile(r"(?<!:):(\w+)")
_NOTHING: Mapping[str, Any] = {}
Row = Mapping[str, Any]
COPY_BLOCK = 65_536


class SupportsRead(Protocol):
    """A source of text, as ``COPY`` reads it."""

    def read(self, size: int, /) -> str | bytes:
        """Return up to ``size`` characters, none at the end."""


class SupportsWrite(Protocol):
    """A target of text, as ``COPY`` writes it."""

    def write(self, block: bytes, /) -> object:
        """Take the next bytes."""


def rows(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> list[Row]:
    """Return what a query finds.

    Args:
        db: An open transaction.
        sql: With ``:named`` parameters; constant text, never made from input.
        values: Theirs, as the driver takes them.

    Raises:
        DBAPIError: the driver's error, wrapped as SQLAlchemy does it.
    """
    with _Cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def tuples(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> list[tuple[Any, ...]]:
    """Return what a query finds, by the order of its columns; raises DBAPIError.

    For pages of a log, where a mapping for each row would cost as much as the query.
    """
    with _Cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def scalar(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> Any:
    """Return the first column of the first row, None when there is none; raises DBAPIError."""
    with _Cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        row = cursor.fetchone()
    return row[0] if row else None


def execute(db: Connection, sql: str, values: Mapping[str, Any] = _NOTHING) -> int:
    """Run a statement; return how many rows it changed; raises DBAPIError."""
    with _Cursor(db) as cursor:
        cursor.execute(written(sql, db.dialect.paramstyle), values)
        return int(cursor.rowcount)


def execute_many(db: Connection, sql: str, values: Sequence[Any]) -> None:
    """Run a statement once for each of several sets of values, as the driver takes them.

    Raises:
        DBAPIError: the driver's error, wrapped.
    """
    with _Cursor(db) as cursor:
        cursor.executemany(written(sql, db.dialect.paramstyle), values)


def copy(db: Connection, sql: str, source: SupportsRead) -> None:
    """Send rows to PostgreSQL as ``COPY ... FROM STDIN`` takes them; raises DBAPIError.

    Args:
        db: An open transaction.
        sql: The COPY statement.
        source: Gives the rows block by block, so that a block is made while the server takes
            in the one before.
    """
    with _Cursor(db) as cursor:
        cursor.copy_expert(sql, source, size=COPY_BLOCK)


def copy_out(db: Connection, sql: str, target: SupportsWrite) -> None:
    """Take rows from PostgreSQL as ``COPY ... TO STDOUT`` gives them; raises DBAPIError."""
    with _Cursor(db) as cursor:
        cursor.copy_expert(sql, target, size=COPY_BLOCK)


def can_copy() -> bool:
    """Say whether COPY works here: under eventlet the driver cannot wait for it cooperatively."""
    return get_wait_callback() is None


def kept(engine: Engine) -> Any:
    """Return a driver's connection of its own, in autocommit; whoever asked closes it."""
    pooled = engine.raw_connection()
    pooled.detach()  # the pool may lend another one instead
    connection: Any = pooled.dbapi_connection
    if engine.dialect.name != "sqlite":
        connection.autocommit = True  # SQLite's are already
    return connection


@contextmanager
def savepoint(db: Connection) -> Iterator[None]:
    """Undo what the block did, and nothing else, when it raises.

    SQLAlchemy's own compiles three statements anew for every savepoint.
    """
    execute(db, "SAVEPOINT attempt")
    try:
        yield
    except BaseException:
        # With the connection gone there is nothing to undo, and its own error says more.
        with suppress(SQLAlchemyError):
            execute(db, "ROLLBACK TO SAVEPOINT attempt")
            execute(db, "RELEASE SAVEPOINT attempt")
        raise
    execute(db, "RELEASE SAVEPOINT attempt")


@cache
def written(sql: str, style: str) -> str:
    """Return SQL with its parameters as a driver writes them.

    >>> written("SELECT :a, CAST(:b AS int), 1::int", "pyformat")
    'SELECT %(a)s, CAST(%(b)s AS int), 1::int'
    """
    return _NAMED.sub(r"%(\1)s", sql) if style == "pyformat" else sql


class _Cursor:
    """A driver's cursor for a block, whose errors are raised as SQLAlchemy does it.

    A class: every statement passes here, and a generator would cost three times as much.
    """

    __slots__ = ("_cursor", "_db")

    def __init__(self, db: Connection) -> None:
        self._db = db

    def __enter__(self) -> Any:
        self._cursor = self._db.connection.cursor()
        return self._cursor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cursor.close()
        if error is not None and isinstance(error, self._db.dialect.loaded_dbapi.Error):
            raise wrapped(error, self._db.dialect) from error


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
