"""Export a log's closed ranges to segments: resumable, and the same whoever does it.

The file comes first and the manifest after it: what the manifest does not list was never
archived.  A segment's bytes depend on the log alone, so a repeat makes the same ones.
"""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import file_digest
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from chassis.database import Database
from chassis.envelope import Stored
from chassis.errors import Conflict
from chassis.faults import reach
from chassis.leadership import Leadership
from chassis.log_verify import BATCH
from chassis.segments import manifest
from chassis.segments.archive import listed
from chassis.segments.file import BLOCK, Writer
from chassis.segments.manifest import FORMAT, NOTHING, BrokenArchive, Manifest, Segment
from chassis.segments.store import Store
from chassis.segments.tally import Tally
from chassis.storage import log_on

POSITIONS = 100_000
_LOCK = 0x51F0_0004
# A segment is made in seconds, but an object store may take its time.
_SILENT_SECONDS = 300.0
Say = Callable[[Segment], None]


class ArchiverBusy(Conflict):
    """Somebody else is archiving this log at the moment."""

    code = "archiver_busy"


def archive(
    database: Database,
    store: Store,
    service: str,
    *,
    positions: int = POSITIONS,
    say: Say = lambda _: None,
) -> list[Segment]:
    """Export every closed range that is not archived yet.

    Args:
        database: Where the log is.
        store: Where its segments go.
        service: Whose log it is.
        positions: How many make a segment; the rest of the log waits until it is as long.
        say: Told of each segment when it is safe.

    Returns:
        The new segments.

    Raises:
        ArchiverBusy: another archiver is at work, or was in between.
        BrokenArchive: what is archived already is not of this log.
        BrokenLog: the log itself does not hold together.
        Unavailable: database or archive do not answer.
    """
    new: list[Segment] = []
    with alone(database) as still_alone:
        known = listed(store, service)
        _refuse_another_log(database, known)
        store.sweep()
        while known.last + positions <= _head(database):
            segment = _exported(database, store, service, known, positions)
            if not still_alone() or listed(store, service) != known:
                raise ArchiverBusy(f"somebody else archives {service} too")
            known = known.with_one_more(segment)
            store.put(manifest.NAME, BytesIO(known.to_bytes()))
            reach("archive.listed")
            new.append(known.segments[-1])
            say(new[-1])
    return new


@contextmanager
def alone(database: Database) -> Iterator[Callable[[], bool]]:
    """Keep other archivers of a log out until the block ends.

    Yields:
        Says whether the lock is still held.

    Raises:
        ArchiverBusy: somebody else has it.
        Unavailable: the database does not answer.
    """
    with ExitStack() as stack:
        if not database.is_sqlite:
            leadership = Leadership(database, _LOCK, "archiver", silent_seconds=_SILENT_SECONDS)
            stack.callback(leadership.release)
            if not leadership.acquire():
                raise ArchiverBusy("another archiver of this log is at work")
            yield leadership.acquire
            return
        lock = stack.enter_context(Path(f"{database.engine.url.database}-archive").open("wb"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArchiverBusy("another archiver of this log is at work") from None
        yield lambda: True


def _head(database: Database) -> int:
    with database.read() as db:
        return log_on(db).head()


def _exported(
    database: Database, store: Store, service: str, known: Manifest, positions: int
) -> Segment:
    tally = Tally(known.last, known.heads)
    with TemporaryDirectory(prefix="sixfold-archive-") as scratch:
        path = Path(scratch, "segment.parquet")
        writer = Writer(path, service)
        for block in _blocks(database, known.last, positions):
            tally.add(block)
            writer.write(block)
        writer.close()
        reach("archive.written")
        segment = _entry(service, tally, path)
        with path.open("rb") as file:
            store.put(segment.file, file)
    reach("archive.stored")
    return segment


def _blocks(database: Database, after: int, positions: int) -> Iterator[list[Stored]]:
    events = islice(_events(database, after), positions)
    while block := list(islice(events, BLOCK)):
        yield block


def _events(database: Database, after: int) -> Iterator[Stored]:
    while True:
        with database.read() as db:  # each page its own: a long one would hold up the vacuum
            page = log_on(db).stored_after(after, limit=BATCH)
        if not page:
            return
        yield from page
        after = page[-1].position


def _entry(service: str, tally: Tally, path: Path) -> Segment:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return Segment(
        format=FORMAT,
        service=service,
        first=tally.first,
        last=tally.last,
        count=tally.last - tally.first + 1,
        earliest=tally.earliest or 0,
        latest=tally.latest or 0,
        file=f"{tally.first:015}-{tally.last:015}-{digest[:16]}.parquet",
        size=path.stat().st_size,
        sha256=digest,
        content=tally.content,
        before=manifest.written_heads(tally.before),
        after=manifest.written_heads(tally.after),
        previous=NOTHING,
        seal=NOTHING,
    )


def _refuse_another_log(database: Database, known: Manifest) -> None:
    """Refuse to continue segments that were made from another log than this one."""
    with database.read() as db:
        log = log_on(db)
        for lane, head in known.heads.items():
            event = log.at(head.position)
            if event is None or event.chain != head.chain:
                raise BrokenArchive(
                    f"{known.segments[-1]} is of another log: position {head.position} in lane "
                    f"{lane} is not the same event here"
                )
