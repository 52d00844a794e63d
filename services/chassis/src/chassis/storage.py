"""Where one service keeps things, put together once in its ``bootstrap``."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from chassis import checkpoints, direct
from chassis.appending import Appending
from chassis.clock import Clock
from chassis.context import Context
from chassis.database import Database
from chassis.erasure_list import ErasureList
from chassis.events import EventRegistry
from chassis.hot_streams import HotStreams
from chassis.log import Log
from chassis.log_postgresql import PostgresqlLog
from chassis.log_sqlite import SqliteLog
from chassis.privacy import KeyStore
from chassis.projections import Projection
from chassis.quotas.charging import FREE, Charge, Quotas
from chassis.quotas.limits import Plan
from chassis.quotas.stock import Held
from chassis.segments.whole_log import WholeLog
from chassis.states import States
from chassis.telemetry.recording import Recording
from chassis.unit_of_work import UnitOfWork


@dataclass(frozen=True, kw_only=True, slots=True)
class Storage:
    """One service's database, log, keys and clock.

    Args:
        database: The application's, whose transactions are bound to one tenant each.
        everyones: The same database as the role whose batches mix tenants, if that is another.
        secret: Key of the digests that tell a repeated command from another one.
        inline: Projections that commit with the events; only what a command must check.
        states: The states of long streams that this process keeps.
        appending: Takes the events of use cases that write nothing else.
        hot: Takes the commands of streams that many want at once.
        erasures: The list that is kept elsewhere of who was forgotten.
        allowed: What a tenant may do for whom nothing else was set.
        quotas: Charges what tenants ask for.
    """

    service: str
    database: Database
    registry: EventRegistry
    keys: KeyStore
    clock: Clock
    secret: bytes
    everyones: Database | None = None
    inline: Sequence[Projection] = ()
    states: States = field(default_factory=States, repr=False)
    erasures: ErasureList | None = field(default=None, repr=False)
    allowed: Mapping[str, int] = field(default_factory=dict)
    appending: Appending = field(init=False, repr=False)
    hot: HotStreams = field(init=False, repr=False, compare=False)
    quotas: Quotas = field(init=False, repr=False, compare=False)

    @property
    def system(self) -> Database:
        """The database as the role that sees every tenant."""
        return self.everyones or self.database

    @contextmanager
    def begin(
        self, context: Context, charge: Charge = FREE, *, for_all: bool = False
    ) -> Iterator[UnitOfWork]:
        """Open a unit of work; everything it did commits together when the block ends.

        Args:
            context: Why the work is done.
            charge: Whose quotas it is charged to; nobody's, unless a tenant asked for it.
            for_all: What it touches is not one tenant's, as with an operator's commands.

        Raises:
            Conflict: another writer got to one of its streams first.
            CommandReused: the command id belongs to another command.
            QuotaExceeded: the tenant has used up a quota.
            NoMoreAllowed: the tenant has as much of something as it may have.
            Unavailable: the database does not answer.
        """
        with charge, Recording() as recording:
            with self._begun(context.tenant, for_all=for_all) as db:
                work = self.work_on(db, context)
                yield work
                charge.take(work.news, db)
                recording.begins()
                apart = work.only_appends and not for_all and reads_only(db)
                if not apart:
                    recording.wrote(work.flush())
                    charge.check_held(db)
            if apart:
                recording.wrote(work.flush(self.appending.append))

    def __post_init__(self) -> None:
        """Let the threads of this process share their commits, and what they hold of quotas."""
        object.__setattr__(self, "appending", Appending(self.database))
        object.__setattr__(self, "hot", HotStreams(self))
        held = next((each for each in self.inline if isinstance(each, Held)), Held())
        plan = Plan(defaults=self.allowed, stocks=held.names)
        quotas = Quotas(database=self.database, clock=self.clock, plan=plan, held=held)
        object.__setattr__(self, "quotas", quotas)

    def work_on(self, db: Connection, context: Context, *, fresh: bool = False) -> UnitOfWork:
        """Return a unit of work inside a transaction that somebody else commits.

        The caller must ``flush`` it before the commit.

        Args:
            db: That transaction.
            context: Why the work is done.
            fresh: The caller knows that the command was never carried out.
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
            fresh=fresh,
            erasures=self.erasures,
        )

    def read(self, tenant: str) -> AbstractContextManager[Connection]:
        """Open a transaction that only reads, and only what is a tenant's."""
        return self.database.read(tenant)

    def _begun(self, tenant: str, *, for_all: bool) -> AbstractContextManager[Connection]:
        return self.system.begin() if for_all else self.database.begin(tenant)

    def log(self, db: Connection) -> Log:
        """Return the log as the transaction ``db`` sees it."""
        return log_on(db)


def head_of(database: Database) -> int:
    """Return the log's last position at a glance, 0 for an empty log; raises Unavailable."""
    return int(database.glance(_newest(database))[0] or 0)


def has_news(database: Database, reader: str) -> bool:
    """Say at a glance whether the log has more than a reader of the whole of it has seen.

    Raises:
        Unavailable: the database does not answer.
    """
    asked = f"SELECT ({_newest(database)}), ({checkpoints.SEEN})"
    (head, at) = database.glance(asked, name=reader)
    return int(head or 0) > int(at or 0)


def _newest(database: Database) -> str:
    return f"SELECT max(position) FROM {'events' if database.is_sqlite else 'heads'}"  # noqa: S608


def reads_only(db: Connection) -> bool:
    """Say whether a transaction has written and locked nothing, so that nothing depends on it.

    Always false on SQLite, where every writing transaction has the lock of the file.
    """
    asked = "SELECT pg_current_xact_id_if_assigned() IS NULL"
    return db.dialect.name != "sqlite" and bool(direct.scalar(db, asked))


def log_on(db: Connection) -> Log:
    """Return the log of an open transaction's database, with what left it for its segments."""
    return SqliteLog(db) if db.dialect.name == "sqlite" else WholeLog(PostgresqlLog(db), db)


def live_log_on(db: Connection) -> Log:
    """Return the log adapter that fits the database: only what it still has itself."""
    return SqliteLog(db) if db.dialect.name == "sqlite" else PostgresqlLog(db)
