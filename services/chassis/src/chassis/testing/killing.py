"""Kill what runs at every point that it passes, and go on as after a crash."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress

MOST_KILLS = 400


class Killed(Exception):
    """The process died here."""


class Killer:
    """Kills once at every point that is passed, so each step is cut off before it succeeds.

    A hook for ``chassis.faults.set_hook``.
    """

    def __init__(self) -> None:
        self.kills: Counter[str] = Counter()
        self._commits = 0
        self._passed = 0
        self._known: set[tuple[int, int, str]] = set()

    def __call__(self, point: str) -> None:
        """Raise Killed where this point was not passed before."""
        self._passed += 1
        place = (self._commits, self._passed, point)
        # Who asks a hot stream again commits again, with nothing new: as a step of its own
        # that would be killed for ever.
        committed = point.endswith(".committed") and not point.startswith("hot.")
        if committed:
            self._commits += 1
        if committed or place not in self._known:
            self._passed = 0
        if place not in self._known:
            self._known.add(place)
            self.kills[point] += 1
            raise Killed(point)


def surviving(step: Callable[[], None]) -> None:
    """Do something, again and again, until the process is no longer killed over it."""
    for _ in range(MOST_KILLS):
        with suppress(Killed):
            step()
            return
    raise AssertionError("it never gets any further")
