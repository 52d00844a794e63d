"""Ranges leave PostgreSQL while everybody works."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archived_logs import SERVICE, count, server_log
from chassis.context import Context
from chassis.errors import Conflict, Unavailable
from chassis.log import Append
from chassis.log_verify import verify
from chassis.segments.archiving import archive
from chassis.segments.releasing import release
from chassis.segments.store import store_at
from chassis.sequencer import sequence
from chassis.storage import head_of, log_on
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT

# Writers that are faster than the numbering must not run out of the partitions made ahead.
PARTITION = 200

pytestmark = pytest.mark.servers


def test_ranges_leave_while_everybody_works(postgresql_url: str, tmp_path: Path) -> None:
    """Archiving and releasing every night must lose nothing of what is written meanwhile."""
    log, place = server_log(postgresql_url, PARTITION), str(tmp_path / "archive")
    written = threading.Event()

    def write(writer: int) -> None:
        for version in range(150):
            wanted = Append(stream=f"thing-{writer}", expected_version=version, drafts=[DRAFT])
            once = context()
            retried(lambda: append(once, wanted))  # noqa: B023  # called at once

    def append(once: Context, wanted: Append) -> None:
        with log.begin() as db:
            log_on(db).append(once, [wanted], recorded_at=NOW)

    def number() -> int:
        with log.begin() as db:
            return sequence(db, limit=20)

    def tend() -> None:
        while not written.wait(0.05):
            archive(log, store_at(place, SERVICE), SERVICE, positions=25)
            retried(lambda: release(log, SERVICE, place, up_to=head_of(log) - 10, drop=True))

    def read() -> int:
        at = 0
        while at < 600 and not written.is_set():
            with log.read() as db:
                page = log_on(db).after(at, limit=9)
            assert [event.position for event in page] == list(range(at + 1, at + 1 + len(page)))
            at += len(page)
        return at

    with ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, writer) for writer in range(4)]
        numbering = pool.submit(until, written, lambda: retried(number))
        tending, reading = pool.submit(tend), pool.submit(read)
        try:
            for writer in writers:
                writer.result(timeout=60)
            assert reading.result(timeout=60) == 600
        finally:
            written.set()
            numbering.result(timeout=60)
            tending.result(timeout=60)

    release(log, SERVICE, place, up_to=600, drop=True)
    assert count(log, "events") < 600 - 2 * PARTITION + 2
    with log.read() as db:
        assert verify(log_on(db)).events == 600
    log.close()


def retried(work: Callable[[], object]) -> None:
    """Do what services do when the database is busy: try again."""
    for _ in range(50):
        try:
            work()
        except (Conflict, Unavailable):
            continue
        return
    raise AssertionError("the database was busy for too long")


def until(done: threading.Event, work: Callable[[], object]) -> None:
    """Work until told to stop."""
    while not done.is_set():
        work()
        done.wait(0.002)
