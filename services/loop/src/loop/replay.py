"""Compute the stages again from zero, from nothing but the logs."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.envelope import Recorded
from chassis.errors import Rejected
from chassis.ids import LANES
from chassis.inbox import PAGE, Feed, ForkedLog, sort_out
from chassis.log import LaneHead
from loop.evaluate import Counted, Vector, evaluate, overall_hash
from loop.intake import keep, read
from loop.store import FactStore

Arrival = tuple[str, Recorded]


class PositionNotReached(Rejected):
    """A log does not go as far as the position that was asked for."""

    code = "position_not_reached"


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """What a replay came to.

    Args:
        positions: The position vector: how far each log was read.
        events: How many events were read.
        unread: Events that this build cannot read, as ``service position error``.
        tenants: What was counted, by tenant.
        hash: Over all of it, or over the one tenant that was asked for.
    """

    positions: Vector
    events: int
    unread: Sequence[str]
    tenants: Mapping[str, Counted]
    hash: str

    @property
    def stages(self) -> dict[str, Any]:
        """The outputs by tenant, cycle, stage and number."""
        return {tenant: dict(counted.outputs) for tenant, counted in self.tenants.items()}


def replay(
    feeds: Mapping[str, Feed],
    *,
    at: Vector | None = None,
    shuffle_seed: int | None = None,
    partitions: int = 1,
    tenant: str | None = None,
) -> Result:
    """Read every log from zero and compute every number.

    Args:
        feeds: The logs by service.
        at: How far to read each log; to its end unless given.
        shuffle_seed: Take the events in, in an arbitrary order that this number decides.
        partitions: Take them in, in so many separate parts.
        tenant: Hash only this tenant's outputs, as the live loop shows them.

    Raises:
        PositionNotReached: ``at`` lies beyond a log's end.
        Alarm: a log is not what was written to it.
        Unavailable: a log does not answer.
    """
    logs = {source: whole_log(source, feed) for source, feed in feeds.items()}
    positions = dict(at) if at is not None else {s: len(log) for s, log in logs.items()}
    arrivals = [
        (source, event)
        for source, log in logs.items()
        for event in _up_to(source, log, positions.get(source, 0))
    ]
    if shuffle_seed is not None:
        random.Random(shuffle_seed).shuffle(arrivals)  # noqa: S311  # an order, not a secret
    store = FactStore()
    unread = [line for part in _parts(arrivals, partitions) for line in _take_in(store, part)]
    counted = evaluate(store, positions)
    store.close()
    shown = counted if tenant is None else {t: c for t, c in counted.items() if t == tenant}
    one = shown.get(tenant or "")
    return Result(
        positions=positions,
        events=len(arrivals),
        unread=sorted(unread),
        tenants=shown,
        hash=one.hash if one else overall_hash(shown),
    )


def whole_log(source: str, feed: Feed) -> list[Recorded]:
    """Read a log through its feed, checking every chain, up to its last gapless position.

    Raises:
        Alarm: a chain is broken, or the feed skips events.
    """
    lanes = (event for lane in range(LANES) for event in _lane(source, feed, lane))
    log = sorted(lanes, key=lambda event: event.position)
    # Lanes are read one after the other while the log grows: the tail may have holes.
    gapless = (event for place, event in enumerate(log, start=1) if event.position == place)
    return list(gapless)


def _lane(source: str, feed: Feed, lane: int) -> Iterator[Recorded]:
    known: Mapping[int, LaneHead] = {}
    while page := feed.lane_after(lane, known.get(lane, LaneHead()), limit=PAGE):
        fitting, known, doubtful = sort_out(known, page)
        if doubtful:
            raise ForkedLog(f"{source}: the feed does not continue lane {lane}")
        yield from fitting


def _up_to(source: str, log: Sequence[Recorded], position: int) -> Sequence[Recorded]:
    if position > len(log):
        raise PositionNotReached(f"{source} is at {len(log)}, not {position}")
    return log[:position]


def _parts(arrivals: Sequence[Arrival], partitions: int) -> Iterator[Sequence[Arrival]]:
    for number in range(partitions):
        yield arrivals[number::partitions]


def _take_in(store: FactStore, part: Sequence[Arrival]) -> Iterator[str]:
    by_source: dict[str, list[Recorded]] = {}
    for source, event in part:
        by_source.setdefault(source, []).append(event)
    for source, events in by_source.items():
        intake = read(source, events)
        with store.transaction() as db:
            keep(db, intake, now=0)
        yield from (f"{source} {one.event.position} {one.error}" for one in intake.unread)
