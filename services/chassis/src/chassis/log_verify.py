"""Check a whole log: positions without gaps, streams in order, every lane's chain."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chassis.envelope import Recorded, Stored, chain_of, stored_of
from chassis.errors import Alarm
from chassis.log import LaneHead, Log

BATCH = 2000
_NO_EVENT = LaneHead()


class BrokenLog(Alarm):
    """The log is not what was written; the message says where and how."""

    code = "broken_log"


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """What was checked, and found whole."""

    events: int
    streams: int
    lanes: dict[int, LaneHead]


def verify(log: Log) -> Verified:
    """Read the whole log and check it.

    Raises:
        BrokenLog: at the first event that does not fit.
    """
    return check_stored(stored_pages(log))


def pages(log: Log, after: int = 0) -> Iterator[Recorded]:
    """Yield every event after a position, reading page by page."""
    while batch := log.after(after, limit=BATCH):
        yield from batch
        after = batch[-1].position


def stored_pages(log: Log, after: int = 0) -> Iterator[Stored]:
    """Yield the columns of every event after a position, reading page by page."""
    while batch := log.stored_after(after, limit=BATCH):
        yield from batch
        after = batch[-1].position


def check(events: Iterable[Recorded]) -> Verified:
    """Check events that should be a whole log, in position order; raises BrokenLog."""
    return check_stored(map(stored_of, events))


def check_stored(events: Iterable[Stored]) -> Verified:
    """Check the columns of what should be a whole log, in position order; raises BrokenLog."""
    lanes: dict[int, LaneHead] = {}
    versions: dict[tuple[str, str], int] = {}
    count = 0
    for count, event in enumerate(events, start=1):
        lane, stream = event.lane, (event.tenant, event.stream)
        version = versions.get(stream, 0) + 1
        check_place(event, count, lanes.get(lane, _NO_EVENT))
        if event.version != version:
            _expect(event, "version", event.version, version)
        versions[stream] = version
        lanes[lane] = LaneHead(position=count, chain=event.chain)
    return Verified(events=count, streams=len(versions), lanes=lanes)


def check_place(event: Stored, position: int, last: LaneHead) -> None:
    """Check that an event stands at a position and continues its lane; raises BrokenLog."""
    if (event.position, event.prev) != (position, last.position):
        _expect(event, "position", event.position, position)
        _expect(event, "prev", event.prev, last.position)
    if event.chain != chain_of(last.chain, event, position, last.position):
        raise BrokenLog(f"position {event.position}: the chain of lane {event.lane} is broken")


def _expect(event: Stored, what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise BrokenLog(f"position {event.position}: {what} is {found}, expected {wanted}")
