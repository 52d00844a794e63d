"""One service's database: engines, and transactions that fail in the chassis's own words."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from chassis import direct, sessions
from chassis.errors import Conflict, Unavailable
from chassis.glances import Glances
from chassis.isolation import transactions
from chassis.sessions import Address
from chassis.turns import Turns

BUSY_SECONDS = 30
RESTED_SECONDS = 1.0
_POSTGRESQL = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    # A process that is frozen inside a transaction must not keep its locks: others wait for them.
    "options": "-c idle_in_transaction_session_timeout=10s",
}
_DEADLOCK = {"40P01", "40001"}

Waiter = Callable[..., Any]


def directly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function and return its result: how a process without eventlet waits."""
    return function(*arguments)


class Database:
    """Transactions on one database.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database; or the ``Address`` of one
            whose credentials change while the process runs.
        wait: Runs a call that may block for long.  Under eventlet this is
            ``tpool.execute``, so that waiting for SQLite's lock doesn't freeze the hub.
    """

    def __init__(self, url: str | Address, *, wait: Waiter = directly, pool_size: int = 10) -> None:
        self.address = url if isinstance(url, Address) else Address(lambda: url)
        self.url = self.address.now()
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine = _engine(self.url, pool_size)
        self._glances = Glances(self.engine)
        self._kept: list[tuple[str, Any]] = []
        self._retired_before = self.url
        self._turns = _turns(self.engine.url, wait) if self.is_sqlite else None
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        else:
            _look_before_use(self.engine)
            sessions.follow(self.engine, self.address, _POSTGRESQL)

    @contextmanager
    def begin(self, tenant: str | None = None) -> Iterator[Connection]:
        """Open a write transaction; commits when the block ends.

        Args:
            tenant: The only one whose rows it may see and write, where PostgreSQL's role is the
                application's; None for the system's batches.

        Raises:
            Conflict: the database chose this transaction as a deadlock's victim.
            Unavailable: it does not answer, or no connection is free.
        """
        turn = self._turns.turn() if self._turns else nullcontext()
        with turn, translated_errors(), self.engine.connect() as db, self._begun(db, tenant):
            yield db

    @contextmanager
    def read(self, tenant: str | None = None) -> Iterator[Connection]:
        """Open a transaction that only reads; on SQLite it never waits for a writer.

        Args:
            tenant: The only one whose rows it may see, as in ``begin``.
        """
        with (
            translated_errors(),
            self.engine.connect().execution_options(reads_only=True) as db,
            self._begun(db, tenant),
        ):
            yield db

    def glance(
        self, statement: str, *, bound_to: str | None = None, **values: Any
    ) -> Sequence[Any]:
        """Return the first row of a query that is asked again and again, outside any transaction.

        Args:
            statement: SQL with ``:named`` parameters.
            bound_to: The tenant whose rows it may see, as in ``begin``.
            values: Theirs.

        Returns:
            The row; empty when nothing was found.

        Raises:
            Unavailable: the database does not answer.
        """
        if bound_to is not None and not self.is_sqlite:
            statement, values = transactions.bound(statement, values, bound_to)
        with translated_errors():
            return self._glances.row(statement, values)

    @contextmanager
    def autocommit(self) -> Iterator[Any]:
        """Lend a driver's connection for statements that are transactions of their own.

        Raises:
            Unavailable: no connection can be had.
        """
        opened = self.address.now()
        with translated_errors():
            opened, connection = self._kept.pop() if self._kept else (opened, self.apart())
        try:
            yield connection
        finally:
            if opened != self.address.now():
                connection.close()
            elif not connection.closed:
                self._kept.append((opened, connection))

    def apart(self) -> Any:
        """Return a driver's connection of its own, in autocommit; whoever asked closes it."""
        return direct.kept(self.engine)

    def retire(self) -> int:
        """Close every idle session that was opened with an earlier address; returns 0.

        Sessions that are in use are closed when they are given back.
        """
        now = self.address.now()
        if now != self._retired_before:
            self._retired_before = now
            self._glances.close()
            self._close_kept()
            self.engine.dispose()
        return 0

    def _close_kept(self) -> None:
        while self._kept:
            self._kept.pop()[1].close()

    def _begun(self, db: Connection, tenant: str | None) -> AbstractContextManager[Any]:
        if tenant is not None and not self.is_sqlite:
            transactions.bind_next(db, tenant)
        return db.begin()

    def close(self) -> None:
        """Give every connection back."""
        self._glances.close()
        self._close_kept()
        self.engine.dispose()
        if self._turns is not None:
            self._turns.close()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the driver's failures into ``Conflict`` and ``Unavailable``."""
    try:
        yield
    except PoolExhausted as error:
        raise Unavailable("no database connection is free") from error
    except DBAPIError as error:
        if sqlstate(error) in _DEADLOCK:
            raise Conflict("another transaction won") from error
        if is_outage(error):
            raise Unavailable("the database does not answer") from error
        raise


def sqlstate(error: DBAPIError) -> str | None:
    """Return PostgreSQL's code of an error, from whichever driver."""
    return getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)


def is_outage(error: DBAPIError) -> bool:
    """Say whether the database failed, and not what was asked of it."""
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.OperationalError):
        # SQLite uses one class for an outage and for a mistake in a statement.
        return any(sign in str(error.orig) for sign in ("locked", "disk", "unable to open"))
    return isinstance(error, OperationalError)


def _engine(url: str, pool_size: int) -> Engine:
    sqlite, address = url.startswith("sqlite"), make_url(url)
    arguments = {"check_same_thread": False} if sqlite else _POSTGRESQL
    return create_engine(
        address if sqlite else address.set(drivername=transactions.DRIVER),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        hide_parameters=True,  # a failing statement must not put a row into an error message
        connect_args=arguments,
    )


def _turns(url: URL, wait: Waiter) -> Turns | None:
    """Return the turns of a file's writers; a database in memory has one writer anyway."""
    file = url.database
    return Turns(Path(f"{file}-turn"), wait) if file and file != ":memory:" else None


def _look_before_use(engine: Engine) -> None:
    """Ask a connection that rested whether it still lives; one just used would tell nothing new."""

    @event.listens_for(engine, "checkin")
    def note(_: Any, record: Any) -> None:
        record.info["rests_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("rests_since", time.monotonic()) < RESTED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={BUSY_SECONDS * 1000}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(db: Connection) -> None:
        raw = db.connection.dbapi_connection
        mode = "DEFERRED" if db.get_execution_options().get("reads_only") else "IMMEDIATE"
        raw.execute(f"BEGIN {mode}")  # type: ignore[union-attr]  # a checked-out connection is never None
