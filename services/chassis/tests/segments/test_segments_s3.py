"""An archive in an object store is the archive that a directory would be."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from archived_logs import EVENTS, SERVICE, SIZE, whole
from chassis import faults
from chassis.database import Database
from chassis.segments import checking
from chassis.segments.archive import Archive, archive_at
from chassis.segments.archiving import archive
from chassis.segments.manifest import BrokenArchive
from chassis.segments.store import store_at
from chassis.storage import log_on
from chassis.testing.object_store import ENVIRONMENT, PrivateObjectStore

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def object_store(server_directory: Path) -> Iterator[PrivateObjectStore]:
    with PrivateObjectStore(server_directory / "object-store") as store:
        yield store


@pytest.fixture
def place(
    object_store: PrivateObjectStore,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return object_store.bucket(request.node.name.replace("_", "-")[:40])


def read_all(archived: Archive) -> int:
    at = 0
    while page := archived.after(at, limit=50):
        assert [event.position for event in page] == list(range(at + 1, at + 1 + len(page)))
        at = page[-1].position
    return at


def test_a_log_is_archived_to_a_bucket(log: Database, place: str) -> None:
    """Whoever keeps archives outside the machine would find out too late that it does not work."""
    archive(log, store_at(place, SERVICE), SERVICE, positions=SIZE)
    archived = archive_at(place, SERVICE)
    assert read_all(archived) == 120
    assert [e.version for e in archived.stream("tenant-1", "thing-3")] == [1, 2, 3, 4, 5, 6]
    with log.read() as db:
        assert checking.verify(log_on(db), archived).events == len(whole(log)) == EVENTS


def test_an_interrupted_upload_is_continued(log: Database, place: str) -> None:
    """After a crash half a segment would lie in the bucket and be taken for a whole one."""

    def crash(point: str) -> None:
        if point == "archive.stored":
            raise ZeroDivisionError

    store = store_at(place, SERVICE)
    faults.set_hook(crash)
    with pytest.raises(ZeroDivisionError):
        archive(log, store, SERVICE, positions=SIZE)
    faults.set_hook(None)
    store.put("half.parquet.0000.part", BytesIO(b"PAR1"))
    assert archive_at(place, SERVICE).last == 0

    archive(log, store, SERVICE, positions=SIZE)
    assert read_all(archive_at(place, SERVICE)) == 120
    assert not [name for name in store.names() if name.endswith(".part")]


def test_a_changed_object_is_named(log: Database, place: str) -> None:
    """Whoever can write to the bucket could otherwise rewrite the past."""
    store = store_at(place, SERVICE)
    (segment, *_) = archive(log, store, SERVICE, positions=SIZE)
    stored = store.read(segment.file)
    assert stored is not None
    store.put(segment.file, BytesIO(stored[:-1] + b"x"))
    with log.read() as db, pytest.raises(BrokenArchive, match="segment 1 to 40 of greeter"):
        checking.verify(log_on(db), archive_at(place, SERVICE))
