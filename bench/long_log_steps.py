"""What is done with one long log, step by step: the steps of ``bench.long_log``."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import BigInteger, Column, MetaData, String, text
from sqlalchemy import Table as Rows

from bench.consuming import settings_of
from chassis.broker import Broker
from chassis.changes import Changes, put
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.envelope import Envelope
from chassis.events import EventRegistry
from chassis.feed import LocalFeed
from chassis.follower import Follower
from chassis.ids import LANES
from chassis.inbox import PAGE, Feed, sort_out
from chassis.log import Append, Draft, LaneHead
from chassis.log_verify import verify
from chassis.outgoing import to_broker
from chassis.privacy import MemoryKeys
from chassis.projections import Projection
from chassis.publisher import Publisher
from chassis.read_models import PAGE as FOLDED
from chassis.read_models import page_delivery
from chassis.segments import checking, manifest
from chassis.segments.archive import archive_at
from chassis.segments.archiving import archive
from chassis.segments.segmented_feed import SegmentedFeed
from chassis.segments.store import store_at
from chassis.sequencer import sequence
from chassis.storage import Storage, live_log_on, log_on
from chassis.testing.contexts import NOW, SECRET, context

SERVICE, BATCH, STREAMS = "producer", 1000, 5_000
EACH = 5
LIMIT_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """What the steps work on.

    Args:
        url: The database of the log, of the consumer and of the read model.
        uri: The broker's virtual host.
        place: The folder of the segments.
        events: How long the log is, or will be.
    """

    url: str
    uri: str
    place: str
    events: int


registry = EventRegistry(SERVICE)
metadata = MetaData()
latest = Rows(
    "latest",
    metadata,
    Column("stream", String(40), primary_key=True),
    Column("n", BigInteger, nullable=False),
)
board = Projection("latest", [latest])


@registry.event("thing_happened")
@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """A thing happened."""

    n: int
    name: str


@board.fold(Happened)
def keep_latest(event: Happened, stored: Envelope) -> Changes:
    """Keep the last number of each stream."""
    yield put(latest, stream=stored.stream, n=event.n)


Measured = tuple[int, float]
"""How many events a step took, and another process's peak in MiB, 0 for its own."""


def _append(database: Database, where: Where) -> Measured:
    """Append by the thousand, to streams that each get a few of every batch."""
    versions = [0] * STREAMS
    for start in range(0, where.events, BATCH):
        appends = []
        for first in range(start, start + BATCH, EACH):
            stream = first // EACH * 7 % STREAMS
            drafts = [_draft(first + offset) for offset in range(EACH)]
            appends.append(
                Append(stream=f"thing-{stream}", expected_version=versions[stream], drafts=drafts)
            )
            versions[stream] += EACH
        with database.begin() as db:
            live_log_on(db).append(context(), appends, recorded_at=NOW)
    return where.events, 0


def _draft(number: int) -> Draft:
    data = json.dumps({"n": number, "name": "x" * (number % 90)}).encode()
    return Draft(type="thing_happened", schema_version=1, subjects=(), data=data)


def _number(database: Database, _: Where) -> Measured:
    count = 0
    while True:
        with database.begin() as db:
            numbered = sequence(db)
        if not numbered:
            return count, 0
        count += numbered


def _publish(database: Database, where: Where) -> Measured:
    count = 0
    with Publisher(SERVICE, database, to_broker(Broker.at(where.uri), SERVICE)) as publisher:
        while published := publisher.step():
            count += published
    return count, 0


def _consume(database: Database, where: Where) -> Measured:
    """Let a real worker take the whole backlog from its queues."""
    with TemporaryDirectory() as folder:
        settings = settings_of(where.url, where.uri, Path(folder))
        worker = subprocess.Popen(  # our own
            [sys.executable, "-m", "chassis.run", "worker", "bench.subscriber"],
            env={**os.environ, **settings, "LOG_LEVEL": "ERROR"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(database, "SELECT coalesce(max(id), 0) FROM things", where.events)
            return where.events, _peak_of(worker.pid)
        finally:
            worker.terminate()
            worker.wait(60)


def _wait_for(database: Database, count: str, events: int) -> None:
    end = time.monotonic() + LIMIT_SECONDS
    while database.glance(count)[0] < events:
        if time.monotonic() > end:
            raise TimeoutError(f"{count}: not {events} in time")
        time.sleep(0.2)


def _peak_of(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _archive(database: Database, where: Where) -> Measured:
    return sum(one.count for one in archive(database, store_at(where.place, SERVICE), SERVICE)), 0


def _verify_log(database: Database, _: Where) -> Measured:
    with database.read() as db:
        return verify(log_on(db)).events, 0


def _verify_segments(_: Database, where: Where) -> Measured:
    archived = archive_at(where.place, SERVICE)
    blocks = (
        checking.checked(archived, segment, manifest.read_heads(segment.before))
        for segment in archived.manifest.segments
    )
    return sum(len(block) for segment in blocks for block in segment), 0


def _verify_both(database: Database, where: Where) -> Measured:
    with database.read() as db:
        return checking.verify(live_log_on(db), archive_at(where.place, SERVICE)).events, 0


def _read_lanes(feed: Feed) -> int:
    count = 0
    for lane in range(LANES):
        known: dict[int, LaneHead] = {}
        while page := feed.lane_after(lane, known.get(lane, LaneHead()), limit=PAGE):
            _, known, _ = sort_out(known, page)
            count += len(page)
    return count


def _lanes_of_log(database: Database, _: Where) -> Measured:
    return _read_lanes(LocalFeed(database.read, SERVICE)), 0


def _lanes_of_segments(database: Database, where: Where) -> Measured:
    live = LocalFeed(database.read, SERVICE)
    return _read_lanes(SegmentedFeed(archive_at(where.place, SERVICE), live)), 0


def _rebuild(database: Database, _: Where) -> Measured:
    storage = Storage(
        service=SERVICE,
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=FixedClock(NOW),
        secret=SECRET,
    )
    follower, count = Follower(page_delivery(storage, board), database, batch=FOLDED), 0
    while taken := follower.step():
        count += taken
    with database.read() as db:
        rows = db.scalar(text("SELECT count(*) FROM latest"))
    if rows != min(STREAMS, count // EACH):
        raise RuntimeError(f"{rows} streams were folded")
    return count, 0


STEPS: dict[str, Callable[[Database, Where], Measured]] = {
    "append": _append,
    "number": _number,
    "publish": _publish,
    "consume": _consume,
    "archive": _archive,
    "verify the log": _verify_log,
    "verify the segments": _verify_segments,
    "verify both": _verify_both,
    "lanes of the log": _lanes_of_log,
    "lanes of the segments": _lanes_of_segments,
    "rebuild": _rebuild,
}
