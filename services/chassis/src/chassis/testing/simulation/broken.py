"""Builds with one promise taken out, to show that the lab would notice; never used but for that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection

from chassis import checkpoints, consumer, feed, inbox
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.follower import Follower, Pages, Together
from chassis.inbox import OrderedInbox
from chassis.log import LaneHead
from chassis.log_sqlite import SqliteLog
from chassis.storage import log_on
from chassis.testing.simulation import processes
from chassis.testing.simulation.bus import SimulatedOutgoing
from chassis.wire import to_text


class _Careless(SimulatedOutgoing):
    """A connection that takes a missing confirm for one."""

    def settle(self) -> None:
        """Wait, and be content with whatever comes."""
        with suppress(Unavailable):
            super().settle()


def _acknowledge_first(box: OrderedInbox, batch: Sequence[consumer.Taken]) -> None:
    for taken in batch:
        taken.message.ack()
    box.receive([taken.event for taken in batch])


def _step_in_two_transactions(self: Together) -> int:
    return sum(_apart(follower) for follower in self._followers)


def _apart(follower: Follower) -> int:
    database, delivery = follower._database, follower._delivery  # noqa: SLF001  # it is to be broken
    with database.begin() as db:
        start = checkpoints.position(db, follower.name)
        events = Pages(log_on(db)).after(start)
        delivery.deliver(db, events)
    if events:
        with database.begin() as db:
            checkpoints.move_whole(db, follower.name, old=start, new=events[-1].position)
    return len(events)


def _no_check(*_: object) -> None:
    return


def _behind_by_position(known: LaneHead, head: LaneHead) -> int:
    return max(head.position - known.position, 0)


def _any_continuation(
    db: Connection, lane: int, after: LaneHead, *, limit: int, source: str
) -> list[str]:
    events: Sequence[Recorded] = log_on(db).lane_after(lane, after.position, limit=limit)
    return [to_text(event, source) for event in events]


Patches = Callable[[], Sequence[Any]]
BROKEN: Mapping[str, Patches] = {
    "drop one confirm": lambda: [patch.object(processes, "SimulatedOutgoing", _Careless)],
    "skip the version check": lambda: [patch.object(SqliteLog, "_check_versions", _no_check)],
    "acknowledge before commit": lambda: [patch.object(processes, "take", _acknowledge_first)],
    "move the checkpoint in another transaction": lambda: [
        patch.object(Together, "step", _step_in_two_transactions)
    ],
    "check no chain": lambda: [
        patch.object(inbox, "_check_chain", _no_check),
        patch.object(inbox, "_missing", _behind_by_position),
        patch.object(feed, "read_lane", _any_continuation),
    ],
}


@contextmanager
def broken(name: str) -> Iterator[None]:
    """Run a build with one promise taken out; raises KeyError for one that has no name here."""
    changes = BROKEN[name]()
    for change in changes:
        change.start()
    try:
        yield
    finally:
        for change in changes:
            change.stop()
