"""A log that was restored without its newest events: whoever read them notices, and is healed."""

from contextlib import closing
from pathlib import Path

import pytest

from bus_service import Listener, embedded, greet, registry
from chassis.backup.making import make
from chassis.backup.point_in_time import plan_for, restore_at
from chassis.backup.restoring import restore
from chassis.backup.shelf import Shelf
from chassis.blueprint import Blueprint
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.inbox import BrokenChain, ForkedLog
from chassis.migrations import migrate
from chassis.privacy import MemoryKeys
from chassis.roles import blueprint_of
from chassis.segments.archiving import archive
from chassis.segments.store import store_at
from chassis.storage import Storage, log_on
from chassis.testing.contexts import NOW, SECRET
from copied_services import PRODUCER, shelf_at

COPIED, RECORDED = 10, 15


def opened(url: str) -> Storage:
    return Storage(
        service=PRODUCER, database=Database(url), registry=registry, keys=MemoryKeys(),
        clock=FixedClock(NOW), secret=SECRET,
    )  # fmt: skip


def storage_of(service: str, url: str) -> tuple[Storage, Blueprint]:
    assert service == PRODUCER
    return opened(url), blueprint_of(PRODUCER)


def recorded(producer: Storage) -> list[Recorded]:
    with producer.system.read() as db:
        return list(log_on(db).after(0, limit=1000))


class Lost:
    """A producer whose newest five events are in no backup, and a listener that has read them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shelf: Shelf = shelf_at(str(folder / "backups"))
        self.segments = str(folder / "segments")
        url = f"sqlite:///{folder}/first.db"
        migrate(url, PRODUCER)
        producer = opened(url)
        self.reader = embedded(folder, "listener")
        greet(producer, "a", range(COPIED))
        make({PRODUCER: url}, self.shelf)
        greet(producer, "a", range(COPIED, RECORDED))
        listener = Listener(self.reader, producer)
        listener.inbox.receive(recorded(producer))
        assert listener.numbers() == list(range(RECORDED))
        store = store_at(self.segments, PRODUCER)
        archive(producer.database, store, PRODUCER, positions=5)
        producer.database.close()

    def url(self, name: str) -> str:
        return f"sqlite:///{self.folder}/{name}.db"


@pytest.fixture
def lost(tmp_path: Path) -> Lost:
    return Lost(tmp_path)


def test_whoever_read_what_was_lost_stops_with_an_alarm(lost: Lost) -> None:
    """New facts would be taken for old ones that were handled before, and be missed."""
    restore(lost.shelf.newest(), lost.shelf, {PRODUCER: lost.url("restored")})
    producer = opened(lost.url("restored"))
    assert len(recorded(producer)) == COPIED
    greet(producer, "a", range(100, 106))
    listener = Listener(lost.reader, producer)
    with pytest.raises((ForkedLog, BrokenChain)):
        listener.inbox.receive(recorded(producer)[COPIED:])
    assert listener.numbers() == list(range(RECORDED))


def test_with_the_segments_nothing_was_lost_and_the_reader_goes_on(lost: Lost) -> None:
    """There would be no way out of the alarm but to touch every consumer's checkpoint."""
    plan = plan_for(lost.shelf, {PRODUCER: RECORDED}, segments=lost.segments)
    restore_at(plan, lost.shelf, {PRODUCER: lost.url("whole")}, storage_of, segments=lost.segments)
    producer = opened(lost.url("whole"))
    greet(producer, "a", range(RECORDED, RECORDED + 6))
    listener = Listener(lost.reader, producer)
    listener.inbox.receive(recorded(producer))
    assert listener.numbers() == list(range(RECORDED + 6))
    with closing(producer.database):
        assert len(recorded(producer)) == RECORDED + 6
