"""Segments: what is exported is what was recorded, and whatever is done to it is noticed."""

import tempfile
import threading
from collections.abc import Mapping
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from archived_logs import EVENTS, SERVICE, SIZE, fill, folder_of, verified, whole
from bus_service import Listener, embedded, greet
from chassis import faults
from chassis.clock import moment
from chassis.database import Database
from chassis.envelope import Stored, recorded_of
from chassis.feed import LocalFeed
from chassis.ids import LANES, lane_of
from chassis.inbox import Feed, Inbox, sort_out
from chassis.log import LaneHead
from chassis.segments import manifest
from chassis.segments.archive import Archive
from chassis.segments.archiving import ArchiverBusy, alone, archive
from chassis.segments.file import SegmentFile, has_mark, mark_of
from chassis.segments.manifest import Manifest
from chassis.segments.segmented_feed import SegmentedFeed
from chassis.segments.store import Store, store_at


class Crash(Exception):
    """Stands for the death of the process at a named point."""


def read_all(archived: Archive, limit: int) -> list[Stored]:
    found: list[Stored] = []
    while page := archived.stored_after(len(found), limit=limit):
        found += page
    return found


def test_a_segment_holds_what_was_recorded(log: Database, store: Store) -> None:
    """Otherwise the archive is no backup, and nothing can be replayed from it."""
    new = archive(log, store, SERVICE, positions=SIZE)
    archived, events = Archive(store, SERVICE), whole(log)

    assert [(one.first, one.last) for one in new] == [(1, 40), (41, 80), (81, 120)]
    assert read_all(archived, limit=11) == events[:120]
    assert [archived.at(at) for at in (0, 1, 75, 120, 121)] == [
        None, *(recorded_of(events[at - 1]) for at in (1, 75, 120)), None
    ]  # fmt: skip
    assert verified(log, store) == EVENTS


def test_a_lane_is_read_without_the_others(log: Database, store: Store) -> None:
    """Otherwise a consumer of one lane reads sixteen times what it needs."""
    archive(log, store, SERVICE, positions=SIZE)
    archived, events = Archive(store, SERVICE), whole(log)
    for lane in range(LANES):
        found, at = [], 0
        while page := archived.lane_after(lane, at, limit=3):
            found += page
            at = page[-1].position
        assert found == [recorded_of(one) for one in events[:120] if one.lane == lane]
    (segment, *_) = archived.manifest.segments
    groups = SegmentFile(store, segment).groups
    assert all(earlier.lane != later.lane for earlier, later in pairwise(groups))


def test_a_stream_is_found_in_all_its_segments(log: Database, store: Store) -> None:
    """Otherwise an aggregate would be folded from a part of its events."""
    archive(log, store, SERVICE, positions=SIZE)
    archived = Archive(store, SERVICE)
    assert [one.version for one in archived.stream("tenant-1", "thing-3")] == [1, 2, 3, 4, 5, 6]
    assert archived.stream("tenant-0", "thing-3") == []
    (first, *_) = archived.manifest.segments
    marks = SegmentFile(store, first).marks
    assert has_mark(marks, mark_of("tenant-1", "thing-3"))
    assert not has_mark(marks, mark_of("tenant-1", "nothing"))


def test_the_past_is_asked_for_in_segments(log: Database, store: Store) -> None:
    """What was known at a moment is a position, archived or not."""
    archive(log, store, SERVICE, positions=SIZE)
    archived, events = Archive(store, SERVICE), whole(log)
    for at in (0, 39, 40, 41, 118):
        assert archived.as_of(moment(events[at].recorded_at)) == at + 1
    assert archived.as_of(moment(0)) == 0


def test_archiving_goes_on_where_it_ended(log: Database, store: Store, tmp_path: Path) -> None:
    """A nightly archive exports what is new, and nothing twice."""
    archive(log, store, SERVICE, positions=SIZE)
    before = {path.name: path.read_bytes() for path in folder_of(tmp_path).iterdir()}

    assert archive(log, store, SERVICE, positions=SIZE) == []
    assert {path.name: path.read_bytes() for path in folder_of(tmp_path).iterdir()} == before

    fill(log, 30, before=EVENTS)
    (new,) = archive(log, store, SERVICE, positions=25)
    assert (new.first, new.last) == (121, 145)
    assert verified(log, store) == EVENTS + 30


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sizes=st.lists(st.integers(5, 70), min_size=1, max_size=5), limit=st.integers(1, 50))
def test_any_split_into_segments_is_the_same_log(
    log: Database, tmp_path: Path, sizes: list[int], limit: int
) -> None:
    """Whoever changes the size of segments would otherwise get another history."""
    folder = tempfile.mkdtemp(dir=tmp_path)
    store = Store(fs.SubTreeFileSystem(folder, fs.LocalFileSystem()), SERVICE)
    for size in sizes:
        archive(log, store, SERVICE, positions=size)
    archived = Archive(store, SERVICE)
    assert read_all(archived, limit) == whole(log)[: archived.last]
    assert verified(log, store) == EVENTS
    live = LocalFeed(log.read, SERVICE)
    for lane in (lane_of("tenant-1", "thing-3"), lane_of("tenant-0", "thing-0")):
        assert positions_in(SegmentedFeed(archived, live), lane, limit) == positions_in(
            live, lane, limit
        )


def positions_in(feed: Feed, lane: int, limit: int) -> list[int]:
    """Read a lane as consumers do, checking its chain."""
    known: Mapping[int, LaneHead] = {}
    found: list[int] = []
    while page := feed.lane_after(lane, known.get(lane, LaneHead()), limit=limit):
        fitting, known, doubtful = sort_out(known, page)
        assert not doubtful
        found += [event.position for event in fitting]
    return found


def test_a_new_consumer_begins_in_the_segments(tmp_path: Path) -> None:
    """A service that is added later gets all of the past, in order and once, then the present."""
    producer, own = embedded(tmp_path, "producer"), embedded(tmp_path, "listener")
    greet(producer, "a", range(30))
    store = store_at(str(tmp_path / "archive"), SERVICE)
    archive(producer.database, store, SERVICE, positions=20)
    listener = Listener(own, producer)
    feed = SegmentedFeed(Archive(store, SERVICE), LocalFeed(producer.system.read, SERVICE))
    inbox = Inbox(listener.delivery, own.database, feed, lanes=range(LANES))

    assert inbox.check_heads() == 30
    greet(producer, "a", range(30, 35))
    inbox.catch_up(lane_of("acme", "a"), 35)

    assert listener.numbers("a") == list(range(35))
    for storage in (producer, own):
        storage.database.close()


@pytest.mark.parametrize("point", ["archive.written", "archive.stored", "archive.listed"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_killed_archiver_is_continued(
    log: Database, store: Store, point: str, nth: int, tmp_path: Path
) -> None:
    """After a crash the next run would leave a hole, or take half a file for a whole one."""
    visits = 0

    def crash(at: str) -> None:
        nonlocal visits
        visits += at == point
        if at == point and visits == nth:
            raise Crash

    faults.set_hook(crash)
    with pytest.raises(Crash):
        archive(log, store, SERVICE, positions=SIZE)
    faults.set_hook(None)
    (folder_of(tmp_path)).mkdir(parents=True, exist_ok=True)
    (folder_of(tmp_path) / "half.parquet.0000.part").write_bytes(b"PAR1")

    archive(log, store, SERVICE, positions=SIZE)
    assert read_all(Archive(store, SERVICE), 50) == whole(log)[:120]
    assert verified(log, store) == EVENTS
    assert not list(folder_of(tmp_path).glob("*.part"))


def test_two_archivers_do_not_meet(log: Database, store: Store) -> None:
    """Two of them at once would each list segments that the other does not know."""
    with alone(log), pytest.raises(ArchiverBusy):
        archive(log, store, SERVICE, positions=SIZE)

    outcomes: list[object] = []

    def work() -> None:
        try:
            outcomes.append(len(archive(log, store, SERVICE, positions=10)))
        except ArchiverBusy as busy:
            outcomes.append(busy)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(found for found in outcomes if isinstance(found, int)) == 13
    assert verified(log, store) == EVENTS


def test_an_archiver_that_lost_its_lock_stops(log: Database, store: Store) -> None:
    """Its list would replace the longer one that somebody else has written meanwhile."""

    def overtaken(point: str) -> None:
        if point == "archive.stored":
            faults.set_hook(None)
            other = Manifest().with_one_more(made_by_another)
            store.put(manifest.NAME, BytesIO(other.to_bytes()))

    (made_by_another,) = archive(log, store_beside(store), SERVICE, positions=100)
    faults.set_hook(overtaken)
    with pytest.raises(ArchiverBusy):
        archive(log, store, SERVICE, positions=SIZE)
    assert Archive(store, SERVICE).last == 100


def store_beside(store: Store) -> Store:
    return Store(store._files, f"{store._folder}-beside")
