"""A replay that starts in the segments is the replay that starts in the logs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.feed import LocalFeed
from chassis.inbox import Feed, ForkedLog
from chassis.segments.archive import archive_at
from chassis.segments.archiving import archive
from chassis.segments.releasing import release
from chassis.segments.segmented_feed import SegmentedFeed
from chassis.segments.store import store_at
from chassis.storage import live_log_on
from chassis.testing.servers import PrivatePostgreSQL
from four_logs import PARTITION, FourLogs, tell
from loop.replay import Result, replay
from loop.upstream import SOURCES


def archived(logs: FourLogs, place: str, positions: int) -> dict[str, Feed]:
    """Archive every log; return feeds that begin in the segments."""
    for source in SOURCES:
        archive(logs.database(source), store_at(place, source), source, positions=positions)
    return {
        source: SegmentedFeed(archive_at(place, source), logs.feeds[source]) for source in SOURCES
    }


@pytest.mark.parametrize("positions", [1, 3, 7, 1000])
def test_segments_and_logs_give_one_hash(
    told: FourLogs, replayed: Result, tmp_path: Path, positions: int
) -> None:
    """Whoever replays from the archive would get other numbers than the live loop shows."""
    found = replay(archived(told, str(tmp_path), positions))
    assert (found.hash, found.positions) == (replayed.hash, replayed.positions)


def test_segments_of_another_history_are_not_continued(told: FourLogs, tmp_path: Path) -> None:
    """A replay would put together the past of one installation and the present of another."""
    other = FourLogs(tmp_path)
    other.add("identity", "tenant_created", {"tenant_id": "other"}, stream="identity-0")
    archive(
        other.database("identity"), store_at(str(tmp_path), "identity"), "identity", positions=1
    )
    feed = SegmentedFeed(archive_at(str(tmp_path), "identity"), told.feeds["identity"])
    with pytest.raises(ForkedLog):
        replay({"identity": feed})
    other.close()


@pytest.fixture
def on_server(postgresql: PrivatePostgreSQL, tmp_path: Path) -> Iterator[FourLogs]:
    urls = {source: postgresql.database(f"replay_{source}") for source in SOURCES}
    logs = tell(FourLogs(tmp_path, urls))
    yield logs
    logs.close()


@pytest.mark.servers
def test_a_replay_needs_no_partition_that_left(
    on_server: FourLogs, replayed: Result, tmp_path: Path
) -> None:
    """Old partitions could never leave if a replay still needed them."""
    feeds = archived(on_server, str(tmp_path / "archive"), 4)
    for source in SOURCES:
        database = on_server.database(source)
        release(database, source, str(tmp_path / "archive"), up_to=1000, drop=True)
        with database.read() as db:
            first = live_log_on(db).after(0, limit=1)[0].position
        assert first >= PARTITION
    live = {s: LocalFeed(on_server.database(s).read, s) for s in SOURCES}
    for begun in (feeds, live):
        found = replay(begun)
        assert (found.hash, found.positions) == (replayed.hash, replayed.positions)
