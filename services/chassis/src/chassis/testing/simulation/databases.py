"""A service's database in memory: one connection, set back between schedules in microseconds."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from chassis.database import Database
from chassis.direct import wrapped
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
        # SQLAlchemy believes in one transaction that never ends; the real ones are begun and
        # ended beneath it, at a tenth of what it takes for that.
        self._connection = self.engine.connect()
        self._connection.begin()
        self._raw.execute("PRAGMA foreign_keys=ON")
        self._tables: list[str] = []
        self._linked = False

    def begin(self, tenant: str | None = None) -> "SimulatedTransaction":  # type: ignore[override]  # no generator: it counts
        """Open a write transaction; commits when the block ends."""
        del tenant
        return SimulatedTransaction(self, "database.begin", commits=True)

    def read(self, tenant: str | None = None) -> "SimulatedTransaction":  # type: ignore[override]  # as above
        """Open a transaction that only reads."""
        del tenant
        return SimulatedTransaction(self, "database.read", commits=False)

    def glance(
        self, statement: str, *, bound_to: str | None = None, **values: Any
    ) -> Sequence[Any]:
        """Return the first row of a query, outside any transaction; raises Unavailable."""
        del bound_to
        self._answers()
        return tuple(self._raw.execute(statement, values).fetchone() or ())

    @contextmanager
    def scratch(self) -> Iterator[Connection]:
        """Open a transaction of which nothing stays."""
        self._raw.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        finally:
            self._raw.execute("ROLLBACK")

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
        self._linked = any(self.run(f"PRAGMA foreign_key_list({name})") for name in self._tables)

    def copy(self) -> Rows:
        """Return every row."""
        return {table: self.run(f"SELECT * FROM {table}") for table in self._tables}  # noqa: S608  # its own

    def restore(self, rows: Rows) -> None:
        """Put a copy in the place of what is there."""
        # Not ``deserialize``: it makes every kept statement be prepared anew, and SQLite 3.40
        # crashes over those that use ``json_each``.
        self._raw.execute("BEGIN IMMEDIATE")
        if self._linked:
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

    def opened(self, point: str) -> Connection:
        """Begin a transaction; raises Unavailable, Nested."""
        self._answers()
        if self.busy:
            raise Nested(point)
        self._reach(point)
        self._raw.execute("BEGIN IMMEDIATE")
        return self._connection

    def ended(self, *, commits: bool) -> None:
        """End a transaction of which nothing was refused."""
        if not commits:
            self._raw.execute("COMMIT")
            return
        self._reach("database.commit")
        try:
            self._raw.execute("COMMIT")
        except sqlite3.Error as error:
            raise wrapped(error, self.engine.dialect) from error
        self.commits += 1
        self._reach("database.committed")

    def undo(self) -> None:
        """Undo what is open, if anything is."""
        if self.busy:
            self._raw.execute("ROLLBACK")

    def _answers(self) -> None:
        if self.away:
            raise Unavailable("simulated: the database is away")


class SimulatedTransaction:
    """One transaction of a simulated database, as a block."""

    __slots__ = ("_commits", "_database", "_point")

    def __init__(self, database: SimulatedDatabase, point: str, *, commits: bool) -> None:
        self._database = database
        self._point = point
        self._commits = commits

    def __enter__(self) -> Connection:
        """Begin; raises Unavailable."""
        return self._database.opened(self._point)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or undo whatever was done when it came to nothing."""
        try:
            if error is None:
                self._database.ended(commits=self._commits)
        finally:
            self._database.undo()
