"""Check a whole log: positions without gaps, streams in order, every lane's chain."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chassis.envelope import Recorded, continues
from chassis.errors import Alarm
from chassis.log import LaneHead, Log

BATCH = 2000


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
    return check(pages(log))


def pages(log: Log, after: int = 0) -> Iterator[Recorded]:
    """Yield every event after a position, reading page by page."""
    while batch := log.after(after, limit=BATCH):
        yield from batch
        after = batch[-1].position


def check(events: Iterable[Recorded]) -> Verified:
    """Check events that should be a whole log, in position order; raises BrokenLog."""
    lanes: dict[int, LaneHead] = {}
    versions: Counter[tuple[str, str]] = Counter()
    count = 0
    for count, event in enumerate(events, start=1):
        _check_place(event, count, lanes.get(event.lane, LaneHead()))
        versions[event.tenant, event.stream] += 1
        _expect(event, "version", event.version, versions[event.tenant, event.stream])
        lanes[event.lane] = LaneHead(position=event.position, chain=event.chain)
    return Verified(events=count, streams=len(versions), lanes=lanes)


def _check_place(event: Recorded, position: int, last: LaneHead) -> None:
    _expect(event, "position", event.position, position)
    _expect(event, "prev", event.prev, last.position)
    if not continues(last.chain, event):
        raise BrokenLog(f"position {event.position}: the chain of lane {event.lane} is broken")


def _expect(event: Recorded, what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise BrokenLog(f"position {event.position}: {what} is {found}, expected {wanted}")
