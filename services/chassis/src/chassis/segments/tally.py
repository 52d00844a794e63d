"""What a segment's entry says about its events, counted while they pass by."""

from collections.abc import Mapping, Sequence
from hashlib import sha256

from chassis.envelope import Stored
from chassis.log import LaneHead
from chassis.log_verify import check_place


class Tally:
    """Counts events that follow a position, and checks their places and chains.

    Args:
        after: The position before the first of them.
        heads: The lanes' heads there.
    """

    def __init__(self, after: int, heads: Mapping[int, LaneHead]) -> None:
        self.first, self.last = after + 1, after
        self.before, self.after = dict(heads), dict(heads)
        self.earliest: int | None = None
        self.latest: int | None = None
        self._content = sha256()

    @property
    def content(self) -> str:
        """SHA-256 over the events' chains, in hexadecimal."""
        return self._content.hexdigest()

    def add(self, events: Sequence[Stored]) -> None:
        """Count the next events; raises BrokenLog at the first that does not fit."""
        for event in events:
            self.last += 1
            check_place(event, self.last, self.after.get(event.lane, LaneHead()))
            self.after[event.lane] = LaneHead(position=event.position, chain=bytes(event.chain))
            self._content.update(event.chain)
        moments = [event.recorded_at for event in events]
        self.earliest = min([*moments, *self._known(self.earliest)], default=None)
        self.latest = max([*moments, *self._known(self.latest)], default=None)

    @staticmethod
    def _known(moment: int | None) -> list[int]:
        return [] if moment is None else [moment]
