"""Events that left PostgreSQL are still there for everybody who reads the log."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from archived_logs import (
    PARTITION,
    SERVICE,
    STREAMS,
    count,
    embedded_log,
    fill,
    server_log,
    whole,
)
from chassis import faults
from chassis.database import Database
from chassis.errors import Conflict
from chassis.feed import LocalFeed
from chassis.follower import Pages
from chassis.ids import LANES, lane_of
from chassis.inbox import sort_out
from chassis.log import Append, LaneHead
from chassis.log_verify import BrokenLog, verify
from chassis.segments import checking, released
from chassis.segments.archive import Archive, archive_at
from chassis.segments.archiving import archive
from chassis.segments.manifest import BrokenArchive
from chassis.segments.releasing import NotReleased, release
from chassis.segments.segmented_feed import SegmentedFeed
from chassis.segments.store import store_at
from chassis.sequencer import sequence
from chassis.storage import head_of, live_log_on, log_on
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT

pytestmark = pytest.mark.servers

EVENTS, SIZE = 230, 60
LEFT = 3 * PARTITION - 1  # positions count from 1, partitions from 0


@pytest.fixture
def log(postgresql_url: str) -> Iterator[Database]:
    database = server_log(postgresql_url)
    fill(database, EVENTS)
    yield database
    database.close()
    faults.set_hook(None)
    released._opened.cache_clear()


@pytest.fixture
def place(log: Database, tmp_path: Path) -> str:
    place = str(tmp_path / "archive")
    archive(log, store_at(place, SERVICE), SERVICE, positions=SIZE)
    return place


def archived(place: str) -> Archive:
    return archive_at(place, SERVICE)


def test_a_released_log_reads_as_before(log: Database, place: str) -> None:
    """Somebody who reads on, by position, lane or stream, would miss what left, and not know."""
    before = whole(log)
    with log.read() as db:
        view, moments = log_on(db), [NOW + timedelta(seconds=at) for at in (3, 100, 148, 149, 200)]
        heads, as_of = view.lane_heads(), [view.as_of(at) for at in moments]
        streams = {n: view.stream(f"tenant-{n % 2}", f"thing-{n}") for n in range(STREAMS)}
        lanes = {lane: view.lane_after(lane, 0, limit=1000) for lane in range(LANES)}

    leaving = release(log, SERVICE, place, up_to=200, drop=True)

    assert leaving.up_to == LEFT
    assert count(log, "events") == count(log, "positions") == EVENTS - LEFT
    assert whole(log) == before
    with log.read() as db:
        view = log_on(db)
        assert (view.head(), head_of(log)) == (EVENTS, EVENTS)
        assert view.lane_heads() == heads
        assert [view.as_of(at) for at in moments] == as_of
        for number, events in streams.items():
            of = (f"tenant-{number % 2}", f"thing-{number}")
            assert view.stream(*of) == events
            assert view.stream(*of, after=2) == events[2:]
            assert view.stream(*of, after=len(events)) == []
            assert view.position_of(*of, 1) == number + 1
        for lane, events in lanes.items():
            at, found = 0, []
            while page := view.lane_after(lane, at, limit=5):
                found += page
                at = page[-1].position
            assert found == list(events)
        assert [view.at(at).position for at in (1, LEFT, LEFT + 1)] == [1, LEFT, LEFT + 1]  # type: ignore[union-attr]  # they are there
        assert verify(view).events == EVENTS
        assert checking.verify(live_log_on(db), archived(place), released=LEFT).events == EVENTS


def test_a_released_log_is_written_to_as_before(log: Database, place: str) -> None:
    """Commands on old things would fail, or be decided on half of what happened."""
    once = context(tenant="tenant-1")
    wanted = Append(stream="thing-old", expected_version=0, drafts=[DRAFT])
    with log.begin() as db:
        log_on(db).append(once, [wanted], recorded_at=NOW)
    fill(log, 20, before=EVENTS)
    archive(log, store_at(place, SERVICE), SERVICE, positions=10)
    release(log, SERVICE, place, up_to=10_000)

    with log.begin() as db:
        assert log_on(db).append(once, [wanted], recorded_at=NOW).repeated
    with pytest.raises(Conflict), log.begin() as db:
        log_on(db).append(context(tenant="tenant-1"), [wanted], recorded_at=NOW)
    fill(log, 40, before=EVENTS + 20)
    with log.read() as db:
        assert verify(log_on(db)).events == EVENTS + 61
        assert log_on(db).stream("tenant-1", "thing-nothing") == []


def test_what_stays_and_what_is_kept_is_still_append_only(log: Database, place: str) -> None:
    """Detaching a partition must not be a way to rewrite it."""
    release(log, SERVICE, place, up_to=200)
    assert count(log, "archived.events_0") == PARTITION - 1
    for table in ("events", "positions", "released", "archived.events_0", "archived.positions_1"):
        for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608  # as above
            with pytest.raises(DBAPIError, match="append-only"), log.begin() as db:
                db.execute(text(statement))


def test_consumers_cross_the_seam(log: Database, place: str) -> None:
    """A new consumer must get everything in order, from the segments and then from the log."""
    everything = {lane: lane_of_log(LocalFeed(log.read, SERVICE), lane) for lane in range(LANES)}
    release(log, SERVICE, place, up_to=200, drop=True)
    live = LocalFeed(log.read, SERVICE)
    for feed in (live, SegmentedFeed(archived(place), live)):
        assert {lane: lane_of_log(feed, lane) for lane in range(LANES)} == everything


def lane_of_log(feed: LocalFeed | SegmentedFeed, lane: int) -> list[int]:
    """Read a lane as consumers do, checking its chain."""
    known: dict[int, LaneHead] = {}
    found: list[int] = []
    while page := feed.lane_after(lane, known.get(lane, LaneHead()), limit=4):
        fitting, known, doubtful = sort_out(known, page)
        assert not doubtful
        found += [event.position for event in fitting]
    return found


def test_a_reader_that_is_behind_is_served_from_segments(log: Database, place: str) -> None:
    """A read model that is built anew after years starts with the first event."""
    release(log, SERVICE, place, up_to=200)
    with log.read() as db:
        page = Pages(log_on(db), limit=500).after(0)
    assert [event.position for event in page] == list(range(1, len(page) + 1))


def test_without_its_segments_a_reader_is_stopped(
    log: Database, place: str, tmp_path: Path
) -> None:
    """A reader must never skip what it cannot get, and an aggregate never start in the middle."""
    release(log, SERVICE, place, up_to=200, drop=True)
    released._opened.cache_clear()
    shutil.move(place, tmp_path / "elsewhere")

    with log.read() as db:
        view = log_on(db)
        for read in (
            lambda: view.after(0, limit=10),
            lambda: view.lane_after(lane_of("tenant-1", "thing-3"), 0, limit=10),
            lambda: view.stream("tenant-1", "thing-3"),
            lambda: view.at(3),
        ):
            with pytest.raises(BrokenArchive, match="sixfold log release greeter --segments"):
                read()
        assert len(view.after(LEFT, limit=100)) == EVENTS - LEFT

    release(log, SERVICE, str(tmp_path / "elsewhere"), up_to=0)
    assert len(whole(log)) == EVENTS


def test_only_what_is_archived_may_leave(log: Database, place: str, tmp_path: Path) -> None:
    """What is in no segment yet, or is not the same there, must stay in the database."""
    assert release(log, SERVICE, str(tmp_path / "empty"), up_to=200).parts == ()
    assert release(log, SERVICE, place, up_to=PARTITION - 2).parts == ()

    (first, *_) = archived(place).manifest.segments
    path = Path(place, SERVICE, first.file)
    intact = path.read_bytes()
    path.write_bytes(intact[:-1] + b"x")
    with pytest.raises(BrokenArchive, match="segment 1 to 60 of greeter"):
        release(log, SERVICE, place, up_to=200)
    path.write_bytes(intact)
    with log.begin() as db:
        db.execute(text("ALTER TABLE events_1 DISABLE TRIGGER USER"))
        db.execute(text("UPDATE events_1 SET actor = 'evil' WHERE row_id = 77"))
    with pytest.raises(BrokenLog, match="position 77"):
        release(log, SERVICE, place, up_to=200)
    assert count(log, "events") == EVENTS


def test_the_last_event_stays(log: Database, tmp_path: Path) -> None:
    """The next event must continue its chain, so the log is never empty."""
    fill(log, 19, before=EVENTS)
    place = str(tmp_path / "all")
    archive(log, store_at(place, SERVICE), SERVICE, positions=1 + EVENTS + 18)
    release(log, SERVICE, place, up_to=10_000)
    assert count(log, "positions") == PARTITION
    fill(log, 1, before=EVENTS + 19)
    assert len(whole(log)) == EVENTS + 20


def test_a_slow_writer_is_not_left_behind(log: Database, place: str) -> None:
    """An event whose row was numbered long ago but committed late would vanish with its table."""
    with log.begin() as db:
        db.execute(text("INSERT INTO pending (first, last) VALUES (60, 60)"))
    assert release(log, SERVICE, place, up_to=200).up_to == LEFT
    assert count(log, "events") == EVENTS - PARTITION + 1


@pytest.mark.parametrize("numbered", [False, True])
def test_a_writer_that_commits_in_the_middle_is_not_left_behind(
    postgresql_url: str, tmp_path: Path, *, numbered: bool
) -> None:
    """Its event, which nobody saw before the partition was chosen, would leave unarchived."""
    log, place = server_log(postgresql_url), str(tmp_path / "archive")
    fill(log, 10)
    with log.engine.connect() as slow:
        slow.begin()
        late = Append(stream="thing-late", expected_version=0, drafts=[DRAFT])
        log_on(slow).append(context(), [late], recorded_at=NOW)
        fill(log, EVENTS, before=10)
        archive(log, store_at(place, SERVICE), SERVICE, positions=SIZE)

        def commit(point: str) -> None:
            if point == "release.verified":
                slow.commit()
                if numbered:
                    with log.begin() as db:
                        assert sequence(db) == 1

        faults.set_hook(commit)
        with pytest.raises(Conflict, match="changed in between"):
            release(log, SERVICE, place, up_to=200, drop=True)
    faults.set_hook(None)
    with log.begin() as db:
        sequence(db)
    assert count(log, "events") == len(whole(log)) == EVENTS + 11
    log.close()


@pytest.mark.parametrize("point", ["release.verified", "release.before_commit"])
def test_a_killed_release_is_repeated(log: Database, place: str, point: str) -> None:
    """A crash in the middle leaves the log as it was, and the next run does the work."""

    def crash(at: str) -> None:
        if at == point:
            raise ZeroDivisionError

    faults.set_hook(crash)
    with pytest.raises(ZeroDivisionError):
        release(log, SERVICE, place, up_to=200, drop=True)
    faults.set_hook(None)
    assert count(log, "events") == EVENTS

    assert release(log, SERVICE, place, up_to=200, drop=True).up_to == LEFT
    assert release(log, SERVICE, place, up_to=200, drop=True).parts == ()
    assert len(whole(log)) == EVENTS


def test_sqlite_keeps_everything(tmp_path: Path) -> None:
    """An operator of an embedded log is told that nothing leaves it."""
    database = embedded_log(tmp_path)
    with pytest.raises(NotReleased, match="SQLite"):
        release(database, SERVICE, str(tmp_path), up_to=10)
    database.close()


def test_a_page_of_the_past_with_a_hole_stops_its_reader(log: Database, place: str) -> None:
    """A damaged segment would let every reader go past an event that nobody sees again."""
    release(log, SERVICE, place, up_to=LEFT)
    with log.read() as db:
        opened = log_on(db)
        past = released.past_of(released.released(db))
        page = past.stored_after(0, limit=10)
        lane = past.lane_after(page[0].lane, 0, limit=10)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Archive, "stored_after", lambda *_, **__: [*page[:3], *page[4:]])
            patched.setattr(Archive, "lane_after", lambda *_, **__: lane[1:])
            with pytest.raises(BrokenArchive):
                opened.stored_after(0, limit=10)
            with pytest.raises(BrokenArchive):
                opened.lane_after(page[0].lane, 0, limit=10)
