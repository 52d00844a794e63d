"""A feed that begins in the segments and goes on in the live log."""

from collections.abc import Mapping, Sequence

from chassis.envelope import Recorded
from chassis.inbox import Feed, ForkedLog
from chassis.log import LaneHead
from chassis.segments.archive import Archive


class SegmentedFeed:
    """A producer's history from its segments, the rest from the producer.

    Args:
        archive: Its segments.
        live: Its own feed; asked only for what is not archived.
    """

    def __init__(self, archive: Archive, live: Feed) -> None:
        self._archive = archive
        self._live = live

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events; raises Unavailable."""
        return self._live.heads()

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of a lane.

        Where the segments end, the live log is asked for what follows the last archived event
        and its chain, so that a segment of another history cannot be continued.

        Raises:
            BrokenArchive: a segment is missing or damaged.
            ForkedLog: neither segments nor log have that chain at that position.
            Unavailable: archive or producer do not answer.
        """
        end = self._archive.heads().get(lane, LaneHead())
        if after.position >= end.position:
            return self._live.lane_after(lane, after, limit=limit)
        self._refuse_a_fork(lane, after)
        return self._archive.lane_after(lane, after.position, limit=limit)

    def _refuse_a_fork(self, lane: int, after: LaneHead) -> None:
        if not after.position:
            return
        at = self._archive.lane_after(lane, after.position - 1, limit=1)
        if not at or (at[0].position, at[0].chain) != (after.position, after.chain):
            raise ForkedLog(f"lane {lane} has another event at {after.position}")
