"""Take another service's events exactly once in effect, in order, whatever the bus does.

RabbitMQ carries and wakes; the producer's log decides.  A message moves the lane's
checkpoint from ``prev`` to ``position``: it fits, or it was seen, or something is missing
and is pulled from the producer's internal feed first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from math import ceil
from typing import Protocol

from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Recorded, continues
from chassis.errors import Alarm, Unavailable
from chassis.ids import LANES
from chassis.ledger import SqlLedger
from chassis.log import LaneHead

PAGE = 500
REMEMBERED = 5000


class ForkedLog(Alarm):
    """The producer's log is not the one that was read so far: a restore lost its tail."""

    code = "forked_log"


class Feed(Protocol):
    """The producer's log, lane by lane: the one call between services."""

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events; raises Unavailable."""

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane.

        Raises:
            ForkedLog: the log does not have that chain at that position.
            Unavailable: the producer does not answer.
        """


class Turn(Protocol):
    """One open transaction of a ledger."""

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read."""

    def take(
        self,
        events: Sequence[Recorded],
        before: Mapping[int, LaneHead],
        after: Mapping[int, LaneHead],
    ) -> None:
        """Handle events and move the checkpoints; both stand, or neither.

        Raises:
            Conflict: somebody else moved a checkpoint first.
        """


class Ledger(Protocol):
    """Where a subscription keeps its checkpoints, together with what it makes of the events."""

    @property
    def name(self) -> str:
        """The subscription's name: ``commerce.on.identity``."""

    def begin(self) -> AbstractContextManager[Turn]:
        """Open a transaction that commits when the block ends."""

    def checkpoints(self) -> Mapping[int, LaneHead]:
        """Return how far every lane was read, without waiting for writers."""

    def retry_due(self, lanes: Sequence[int]) -> int:
        """Try again what could not be handled in some lanes and is due; return how much it was."""


def always(lane: int) -> bool:
    """Go on with every lane until its end."""
    del lane
    return True


class OrderedInbox:
    """One subscription's ordered, repaired view of a producer's log.

    Args:
        ledger: Its checkpoints, and what becomes of the events.
        lanes: The lanes it takes; a worker may hold only some of them, others by and by.

    ``goes_on`` is asked before each page of a lane that is caught up with: a worker that was
    told to stop, or lost the lane to another one, must not read a million events first.

    ``lag`` is about how many events it was behind at the last look at the heads: positions
    count the whole log, of which a lane has one part in sixteen.
    """

    def __init__(self, ledger: Ledger, feed: Feed, *, lanes: Sequence[int]) -> None:
        self.name = ledger.name
        self.lanes = lanes
        self.goes_on: Callable[[int], bool] = always
        self.lag = 0
        self._ledger = ledger
        self._feed = feed
        self._handled = Handled()
        self._heads: Mapping[int, LaneHead] | None = None

    def receive(self, events: Sequence[Recorded]) -> None:
        """Handle messages; when this returns they may be acknowledged.

        Raises:
            Alarm: the producer's log was tampered with or forked.
            Unavailable, Conflict: nothing was handled for good; deliver again.
        """
        with self._ledger.begin() as turn:
            before = turn.checkpoints()
            fresh = [event for event in events if not self._handled.has(event)]
            fitting, after, doubtful = sort_out(before, fresh)
            turn.take(fitting, before, after)
        self._handled.add(fitting)
        for lane in sorted(doubtful):
            newest = max(event.position for event in fresh if event.lane == lane)
            self._look_into(lane, newest, after.get(lane, LaneHead()).position)

    def _look_into(self, lane: int, newest: int, reached: int) -> None:
        """Close a lane's gap, or find out that its log was forked; raises Alarm, Unavailable."""
        try:
            self.catch_up(lane, newest)
        except Unavailable:
            # Redelivered messages must not stop every lane while the producer is away: unless
            # something is missing they were handled, and a fork shows at the next look at heads.
            if newest > reached:
                raise
        if newest > reached and not self.goes_on(lane):
            raise Unavailable(f"{self.name} left lane {lane} before its gap was closed")

    def catch_up(self, lane: int, until: int) -> int:
        """Pull what the producer has recorded in one lane since the checkpoint.

        Args:
            lane: Which.
            until: Far enough; a lane that grows all the time would never be left otherwise.

        Returns:
            How many events were pulled.
        """
        pulled = 0
        while self.goes_on(lane):
            before = self._ledger.checkpoints()
            page = self._feed.lane_after(lane, before.get(lane, LaneHead()), limit=PAGE)
            if page:
                self._take(before, page)
                pulled += len(page)
            # A page may be short where segments end and the live log begins.
            if not page or page[-1].position >= until:
                break
        return pulled

    def check_heads(self) -> int:
        """Compare every lane with the producer's head and pull what the bus did not bring.

        The first look pulls all that is missing.  Later ones pull what was missing at the look
        before too: what is newer is most likely on its way.

        Returns:
            How many events were pulled.

        Raises:
            ForkedLog: the producer's log is shorter than what was read from it.
        """
        if not self.lanes:
            self.lag = 0
            return 0
        # In this order: while we look, a neighbour may handle what is newer than these heads.
        known = self._ledger.checkpoints()
        heads = self._feed.heads()
        missing = {
            lane: _missing(known.get(lane, LaneHead()), heads.get(lane, LaneHead()))
            for lane in self.lanes
        }
        self.lag = ceil(sum(missing.values()) / LANES)
        before, self._heads = self._heads, heads
        late = [
            lane
            for lane, behind in missing.items()
            if behind and (before is None or _missing_since(before, known, lane))
        ]
        return sum(self.catch_up(lane, heads[lane].position) for lane in late)

    def retry_due(self) -> int:
        """Try again what could not be handled and is due; return how much was tried."""
        return self._ledger.retry_due(self.lanes)

    def _take(self, before: Mapping[int, LaneHead], page: Sequence[Recorded]) -> None:
        fitting, after, doubtful = sort_out(before, page)
        if doubtful:
            raise ForkedLog(f"{self.name}: the feed does not continue lane {sorted(doubtful)}")
        with self._ledger.begin() as turn:
            turn.take(fitting, before, after)
        self._handled.add(fitting)


class Handled:
    """What an inbox handled lately: a message that comes again needs no look at the log."""

    def __init__(self, size: int = REMEMBERED) -> None:
        self._chains: dict[int, bytes] = {}
        self._size = size

    def add(self, events: Iterable[Recorded]) -> None:
        """Remember events that were handled for good, and forget the oldest."""
        self._chains.update((event.position, event.chain) for event in events)
        while len(self._chains) > self._size:
            del self._chains[next(iter(self._chains))]

    def has(self, event: Recorded) -> bool:
        """Say whether this very event was handled; another one at its position was not."""
        return self._chains.get(event.position) == event.chain


class Inbox(OrderedInbox):
    """An inbox whose handlers write to the service's own database.

    Args:
        delivery: Its handlers; the name is the subscription's: ``commerce.on.identity``.
        lanes: The lanes it takes; a worker may hold only some of them.
    """

    def __init__(
        self, delivery: Delivery, database: Database, feed: Feed, *, lanes: Sequence[int]
    ) -> None:
        self._sql = SqlLedger(delivery, database)
        super().__init__(self._sql, feed, lanes=lanes)

    @property
    def delivery(self) -> Delivery:
        """The handlers; they may be replaced between two batches."""
        return self._sql.delivery

    @delivery.setter
    def delivery(self, delivery: Delivery) -> None:
        self._sql.delivery = delivery


def sort_out(
    known: Mapping[int, LaneHead], events: Iterable[Recorded]
) -> tuple[list[Recorded], dict[int, LaneHead], set[int]]:
    """Tell the events that continue their lane from the others.

    Returns:
        The events to handle; the lanes' heads after them; the lanes that need a look at
        the producer's log, because an event is missing or seems to come twice.

    Raises:
        BrokenChain: an event claims to be next but its chain doesn't fit.
    """
    fitting: list[Recorded] = []
    heads, doubtful = dict(known), set[int]()
    for event in events:
        head = heads.get(event.lane, LaneHead())
        if event.prev == head.position:
            _check_chain(head, event)
            heads[event.lane] = LaneHead(position=event.position, chain=event.chain)
            fitting.append(event)
        else:
            doubtful.add(event.lane)
    return fitting, heads, doubtful


class BrokenChain(Alarm):
    """An event is not what its producer wrote."""

    code = "broken_chain"


def _check_chain(head: LaneHead, event: Recorded) -> None:
    if not continues(head.chain, event):
        raise BrokenChain(f"position {event.position} does not continue lane {event.lane}")


def _missing_since(
    before: Mapping[int, LaneHead], known: Mapping[int, LaneHead], lane: int
) -> bool:
    return known.get(lane, LaneHead()).position < before.get(lane, LaneHead()).position


def _missing(known: LaneHead, head: LaneHead) -> int:
    if head.position < known.position:
        raise ForkedLog(f"the producer is at {head.position}, but {known.position} was read")
    if head.position == known.position and head.chain != known.chain:
        raise ForkedLog(f"position {head.position} is not the event that was read")
    return head.position - known.position
