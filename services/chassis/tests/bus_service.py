"""A producer and a consumer of a few lines, for tests of the bus with real servers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text

from chassis import audit, checkpoints, parked, processes, tables
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.events import EventRegistry
from chassis.feed import LocalFeed
from chassis.ids import LANES
from chassis.inbox import Inbox
from chassis.log_schema import create_v1
from chassis.privacy import MemoryKeys
from chassis.reactions import in_unit_of_work
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context

registry = EventRegistry("greeter")
processes.declare(registry)
audit.declare(registry)


@registry.event("greeted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Greeted:
    """Somebody said hello."""

    number: int


@registry.event("waved")
@dataclass(frozen=True, kw_only=True, slots=True)
class Waved:
    """Somebody waved."""

    number: int


@registry.event("parted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Parted:
    """Whoever said hello has left again."""

    number: int


metadata = MetaData()
tables.define_all(metadata)
seen = Table(
    "seen",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("stream", String(100)),
    Column("number", Integer),
    Column("size", Integer),
)
counted = Table(
    "counted",
    metadata,
    Column("stream", String(100), primary_key=True),
    Column("times", Integer, nullable=False),
)


class _Op:
    """Alembic's ``op`` as far as the log's schema needs it."""

    def __init__(self, db: Any) -> None:
        self._db = db

    def get_bind(self) -> Any:
        return self._db

    def execute(self, statement: str) -> None:
        self._db.execute(text(statement))


def storage_at(url: str, service: str = "greeter") -> Storage:
    """Return the storage of an empty service."""
    database = Database(url)
    with database.begin() as db:
        create_v1(_Op(db))
        metadata.create_all(db)
    return Storage(
        service=service,
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
        inline=[audit.TRAIL],
    )


def embedded(directory: Path, service: str = "greeter") -> Storage:
    """Return a storage in a SQLite file."""
    return storage_at(f"sqlite:///{directory}/{service}.db", service)


def greet(
    storage: Storage, stream: str, numbers: Sequence[int], event: type[Any] = Greeted
) -> None:
    """Record one event for each number."""
    for number in numbers:
        with storage.begin(context()) as work:
            version = len(work.log.stream("acme", stream))
            work.add(stream, [event(number=number)], expected_version=version)


class Listener:
    """A consumer that writes down what it was handed; ``fails`` makes its handler raise."""

    def __init__(self, storage: Storage, producer: Storage) -> None:
        self.storage = storage
        self.fails: Callable[[int], Exception | None] = lambda _: None
        self.delivery = Delivery(
            "listener.on.greeter",
            storage.database,
            {"greeted": in_unit_of_work(storage, "listener.on.greeter", self._note)},
        )
        feed = LocalFeed(producer.system.read, "greeter")
        self.inbox = Inbox(self.delivery, storage.database, feed, lanes=range(LANES))

    def _note(self, work: Any, event: Any) -> None:
        number = registry.decode(event, MemoryKeys()).number
        work.db.execute(insert(seen).values(stream=event.stream, number=number))
        if (error := self.fails(number)) is not None:
            raise error

    def numbers(self, stream: str | None = None) -> list[int]:
        """Return what was seen, in order."""
        wanted = select(seen.c.number).order_by(seen.c.id)
        if stream:
            wanted = wanted.where(seen.c.stream == stream)
        with self.storage.system.read() as db:
            return list(db.scalars(wanted))

    def parked(self) -> list[parked.Parked]:
        """Return what is parked."""
        with self.storage.system.read() as db:
            return parked.listed(db)

    def position(self) -> int:
        """Return the highest position that was handled."""
        with self.storage.system.read() as db:
            heads = checkpoints.load(db, self.inbox.name).values()
            return max((head.position for head in heads), default=0)
