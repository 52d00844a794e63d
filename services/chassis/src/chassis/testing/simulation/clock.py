"""Clocks that go wrong: each service's own is ahead of the world's, or behind."""

from datetime import datetime, timedelta

from chassis.clock import FixedClock


class SkewedClock:
    """What one service takes for the time."""

    def __init__(self, world: FixedClock) -> None:
        self._world = world
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the current moment, as this service sees it."""
        return self._world.now() + self.ahead

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return self._world.now().timestamp()
