"""Where one service keeps things, put together once in its ``bootstrap``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from chassis import checkpoints
from chassis.clock import Clock
from chassis.context import Context
from chassis.database import Database
from chassis.events import EventRegistry
from chassis.log import Log
from chassis.log_postgresql import PostgresqlLog
from chassis.log_sqlite import SqliteLog
from chassis.privacy import KeyStore
from chassis.projections import Projection
from chassis.states import States
from chassis.telemetry.recording import Recording
from chassis.unit_of_work import UnitOfWork


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """One service's database, log, keys and clock.

    Args:
        secret: Key of the digests that tell a repeated command from another one.
        inline: Projections that commit with the events; only what a command must check.
        states: The states of long streams that this process keeps.
    """

    service: str
    database: Database
    registry: EventRegistry
    keys: KeyStore
    clock: Clock
    secret: bytes
    inline: Sequence[Projection] = ()
    states: States = field(default_factory=States, repr=False)

    @contextmanager
    def begin(self, context: Context) -> Iterator[UnitOfWork]:
        """Open a unit of work; everything it did commits together when the block ends.

        Raises:
            Conflict: another writer got to one of its streams first.
            CommandReused: the command id belongs to another command.
            Unavailable: the database does not answer.
        """
        recording = Recording()
        with recording, self.database.begin() as db:
            work = self.work_on(db, context)
            yield work
            recording.begins()
            recording.wrote(work.flush())

    def work_on(self, db: Connection, context: Context) -> UnitOfWork:
        """Return a unit of work inside a transaction that somebody else commits.

        The caller must ``flush`` it before the commit.
        """
        return UnitOfWork(
            db=db,
            log=self.log(db),
            registry=self.registry,
            keys=self.keys,
            context=context,
            recorded_at=self.clock.now(),
            secret=self.secret,
            inline=self.inline,
            states=self.states,
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that only reads."""
        with self.database.read() as db:
            yield db

    def log(self, db: Connection) -> Log:
        """Return the log as the transaction ``db`` sees it."""
        return log_on(db)


def head_of(database: Database) -> int:
    """Return the log's last position at a glance, 0 for an empty log; raises Unavailable."""
    return int(database.glance(f"SELECT max(position) FROM {_positions(database)}")[0] or 0)  # noqa: S608


def has_news(database: Database, reader: str) -> bool:
    """Say at a glance whether the log has more than a reader of the whole of it has seen.

    Raises:
        Unavailable: the database does not answer.
    """
    seen = checkpoints.SEEN
    newest = f"SELECT max(position) FROM {_positions(database)}"  # noqa: S608
    (head, at) = database.glance(f"SELECT ({newest}), ({seen})", name=reader)
    return int(head or 0) > int(at or 0)


def _positions(database: Database) -> str:
    return "events" if database.is_sqlite else "positions"


def log_on(db: Connection) -> Log:
    """Return the log adapter that fits an open transaction's database."""
    return SqliteLog(db) if db.dialect.name == "sqlite" else PostgresqlLog(db)
