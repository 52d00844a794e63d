"""A service's database in memory: one connection, set back between schedules in microseconds."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from chassis.database import Database, translated_errors
from chassis.errors import Unavailable

STATEMENTS = 512  # kept prepared
Reach = Callable[[str], None]
Rows = Mapping[str, list[Any]]
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'"
_APPEND_ONLY = """SELECT name FROM sqlite_master WHERE type = 'trigger'
AND (name LIKE 'events_refuse_%' OR name LIKE 'commands_refuse_%')"""


class Nested(Exception):
    """A transaction was begun inside another on the same database: in production it would wait."""


class SimulatedDatabase(Database):
    """The transactions of one service's database, with points before and after each.

    It stands in for ``Database`` where a process of its own would cost too much: the SQL, the
    constraints and the transactions are SQLite's own.

    Args:
        reach: Called at ``database.begin``, ``.commit`` (before it), ``.committed`` and ``.read``.
    """

    def __init__(self, reach: Reach) -> None:  # no ``super``: it would open an engine of its own
        self.url = "sqlite://"
        self.is_sqlite = True
        self.away = False
        self.commits = 0
        self._looked, self._head = -1, 0
        self._reach = reach
        self._raw = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
        )
        self.engine = create_engine(
            "sqlite://", creator=lambda: self._raw, poolclass=StaticPool, hide_parameters=True
        )
        event.listen(self.engine, "begin", lambda _: self._raw.execute("BEGIN IMMEDIATE"))
        self._connection = self.engine.connect()
        self._raw.execute("PRAGMA foreign_keys=ON")
        self._tables: list[str] = []

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a write transaction; commits when the block ends."""
        with self._opened("database.begin") as db:
            yield db
            self._reach("database.commit")
        self.commits += 1
        self._reach("database.committed")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with self._opened("database.read") as db:
            yield db

    def glance(self, statement: str, **values: Any) -> Sequence[Any]:
        """Return the first row of a query, outside any transaction; raises Unavailable."""
        self._answers()
        return tuple(self._raw.execute(statement, values).fetchone() or ())

    @contextmanager
    def scratch(self) -> Iterator[Connection]:
        """Open a transaction of which nothing stays."""
        with self._connection.begin() as transaction:
            yield self._connection
            transaction.rollback()

    @property
    def head(self) -> int:
        """The log's last position, at a look that costs nothing while nothing was written."""
        if self._looked != self.commits:
            self._looked = self.commits
            self._head = self.run("SELECT max(position) FROM events")[0][0] or 0
        return self._head

    @property
    def busy(self) -> bool:
        """Whether a transaction is open."""
        return self._raw.in_transaction

    def load(self, file: bytes) -> None:
        """Take over a database's schema and rows; once, before anything else."""
        self._raw.deserialize(file)
        # Emptying the log between schedules is the one thing that they would refuse.
        for (trigger,) in self.run(_APPEND_ONLY):
            self._raw.execute(f"DROP TRIGGER {trigger}")
        self._tables = [name for (name,) in self.run(_TABLES)]

    def copy(self) -> Rows:
        """Return every row."""
        return {table: self.run(f"SELECT * FROM {table}") for table in self._tables}  # noqa: S608  # its own

    def restore(self, rows: Rows) -> None:
        """Put a copy in the place of what is there."""
        # Not ``deserialize``: it makes every kept statement be prepared anew, and SQLite 3.40
        # crashes over those that use ``json_each``.
        self._raw.execute("BEGIN IMMEDIATE")
        self._raw.execute("PRAGMA defer_foreign_keys=ON")
        for table in self._tables:
            self._raw.execute(f"DELETE FROM {table}")  # noqa: S608  # as above
            if rows[table]:
                marks = ", ".join("?" * len(rows[table][0]))
                self._raw.executemany(f"INSERT INTO {table} VALUES ({marks})", rows[table])  # noqa: S608  # as above
        self._raw.execute("COMMIT")
        self.commits += 1

    def run(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run a statement as somebody who looks from outside, whatever is away."""
        return self._raw.execute(statement, values).fetchall()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
        self.engine.dispose()
        self._raw.close()

    @contextmanager
    def _opened(self, point: str) -> Iterator[Connection]:
        self._answers()
        if self.busy:
            raise Nested(point)
        self._reach(point)
        with translated_errors(), self._connection.begin():
            yield self._connection

    def _answers(self) -> None:
        if self.away:
            raise Unavailable("simulated: the database is away")
