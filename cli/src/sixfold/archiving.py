"""What an operator does with a log's past: archive it, check it, let it leave the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from chassis.database import Database
from chassis.feed import LocalFeed
from chassis.inbox import Feed
from chassis.log_verify import Verified
from chassis.log_verify import verify as verify_log
from chassis.segments import archiving, checking, releasing
from chassis.segments.archive import archive_at
from chassis.segments.manifest import Segment
from chassis.segments.released import released
from chassis.segments.segmented_feed import SegmentedFeed
from chassis.segments.store import store_at
from chassis.storage import head_of, live_log_on, log_on
from sixfold.installation import Installation


def archive(
    directory: Path, services: list[str], place: str, positions: int, console: Console
) -> None:
    """Export every closed range of some logs that is not archived yet, and say which.

    Raises:
        Alarm: a log does not hold together, or the segments there are of another one.
        Conflict: somebody else is archiving it.
        Unavailable: database or archive do not answer.
    """
    for service in services:
        with _database(directory, service) as database:
            new = archiving.archive(
                database,
                store_at(place, service),
                service,
                positions=positions,
                say=lambda segment: console.print(_line(segment)),
            )
            if not new:
                console.print(f"{service}: nothing new; {head_of(database)} events in its log")


def release(
    directory: Path, service: str, place: str, *, up_to: int | None, keep: int, drop: bool
) -> str:
    """Let old partitions of a log leave its database; return what was done.

    Raises:
        Alarm: segments and log are not the same.
        Conflict: the log is too busy, or somebody else released events.
        Rejected: nothing ever leaves this database.
        Unavailable: database or archive do not answer.
    """
    with _database(directory, service) as database:
        last = head_of(database) - keep if up_to is None else up_to
        leaving = releasing.release(database, service, place, up_to=last, drop=drop)
    if not leaving.parts:
        return f"{service}: no partition lies wholly in the segments and up to position {last}"
    names = ", ".join(part.name for part in leaving.parts)
    done = "dropped" if drop else "moved to the schema archived"
    return f"{service}: up to position {leaving.up_to} only in its segments; {done}: {names}"


def verify(database: Database, service: str, place: str | None) -> Verified:
    """Check a log, and its segments if there are any; raises BrokenLog, BrokenArchive."""
    with database.read() as db:
        gone = released(db)
        place = place or gone.archive
        if not place:
            return verify_log(log_on(db))
        archive = archive_at(place, service)
        return checking.verify(live_log_on(db), archive, released=gone.up_to)


def feed_of(database: Database, service: str, place: str | None) -> Feed:
    """Return a log's feed: from its segments, where they are given, then from its database."""
    live = LocalFeed(database.read, service)
    return SegmentedFeed(archive_at(place, service), live) if place else live


@contextmanager
def _database(directory: Path, service: str) -> Iterator[Database]:
    database = Database(Installation(directory=directory).databases[service])
    try:
        yield database
    finally:
        database.close()


def _line(segment: Segment) -> str:
    return f"{segment}: {segment.size / 1e6:.1f} MB, {segment.file}"
