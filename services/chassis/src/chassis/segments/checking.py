"""Check a log's segments by themselves, and against the log where both exist."""

from collections.abc import Iterator, Mapping
from itertools import chain

from chassis.envelope import Stored
from chassis.log import LaneHead, Log
from chassis.log_verify import BATCH, BrokenLog, Verified, check_stored, stored_pages
from chassis.segments import manifest
from chassis.segments.archive import Archive
from chassis.segments.file import reading
from chassis.segments.manifest import BrokenArchive, Segment
from chassis.segments.store import digest_of
from chassis.segments.tally import Tally


def verify(log: Log, archive: Archive, *, released: int = 0) -> Verified:
    """Read the segments and the whole log, and check that they are one history.

    Args:
        log: What the database still has.
        archive: The segments.
        released: Up to where events left the database.

    Raises:
        BrokenLog: at the first event of the log that does not fit, or that the segments
            have otherwise.
        BrokenArchive: at the first segment that is missing or was changed.
        Unavailable: the archive does not answer.
    """
    if archive.last < released:
        raise BrokenArchive(
            f"the segments of {archive.service} end at {archive.last}, "
            f"but up to {released} left the database"
        )
    archived = chain.from_iterable(compared(log, archive, released=released))
    return check_stored(chain(archived, stored_pages(log, archive.last)))


def compared(log: Log, archive: Archive, *, released: int = 0) -> Iterator[list[Stored]]:
    """Yield the archived events, each checked against its file's entry and against the log.

    Raises:
        BrokenLog, BrokenArchive, Unavailable: as ``verify``.
    """
    head = log.head()
    if head < archive.last:
        raise BrokenLog(
            f"position {head + 1}: the log ends before it, the segments at {archive.last}: "
            "the log was restored from an older copy"
        )
    heads: Mapping[int, LaneHead] = {}
    for segment in archive.manifest.segments:
        for block in checked(archive, segment, heads):
            compare(log, segment, block, released)
            yield block
        heads = manifest.read_heads(segment.after)


def checked(
    archive: Archive, segment: Segment, heads: Mapping[int, LaneHead]
) -> Iterator[list[Stored]]:
    """Yield a segment's events; at the end, everything that its entry says was found true.

    Args:
        archive: Where it is.
        segment: Its entry.
        heads: The lanes' heads before it.

    Raises:
        BrokenArchive: something is not as the entry says.
        Unavailable: the archive does not answer.
    """
    _check_bytes(archive, segment)
    tally = Tally(segment.first - 1, heads)
    for block in archive.events(segment):
        try:
            tally.add(block)
        except BrokenLog as broken:
            raise BrokenArchive(f"{segment}: {broken}") from broken
        yield block
    found = (tally.last, tally.content, tally.earliest, tally.latest, tally.after)
    said = (
        segment.last, segment.content, segment.earliest, segment.latest,
        manifest.read_heads(segment.after),
    )  # fmt: skip
    if found != said:
        raise BrokenArchive(f"{segment} does not hold what its entry in the manifest says")


def compare(log: Log, segment: Segment, block: list[Stored], released: int) -> None:
    """Compare a segment's events behind a position with the log's; raises BrokenLog."""
    wanted = [event for event in block if event.position > released]
    for start in range(0, len(wanted), BATCH):
        part = wanted[start : start + BATCH]
        live = list(log.stored_after(part[0].position - 1, limit=len(part)))
        if live != part:
            raise BrokenLog(_difference(segment, live, part))


def _check_bytes(archive: Archive, segment: Segment) -> None:
    with reading(segment):
        digest = digest_of(archive.store.chunks(segment.file))
    if digest != segment.sha256:
        raise BrokenArchive(f"{segment}: its file {segment.file} was changed")


def _difference(segment: Segment, live: list[Stored], archived: list[Stored]) -> str:
    at = next(
        (old.position for old, new in zip(archived, live, strict=False) if old != new),
        archived[min(len(live), len(archived) - 1)].position,
    )
    return f"position {at}: the log has not the event that {segment} has"
