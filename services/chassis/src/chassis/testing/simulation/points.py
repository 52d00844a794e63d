"""Where a simulated process can be interrupted, and by what."""

from collections.abc import Callable
from dataclasses import dataclass

from chassis.errors import Unavailable

# Points at which a call goes out of the process, and can fail or lose its answer.
CALLS = ("database.", "bus.", "feed.")


class Crashed(BaseException):
    """The process is gone; nothing in it may catch that."""


class Broken(Exception):
    """A promise that was broken, and how."""

    def __init__(self, promise: str, detail: str) -> None:
        super().__init__(promise, detail)
        self.promise = promise
        self.detail = detail


class Points:
    """Counts the points that a step passes, and interrupts it at one of them.

    Production code names its own points (``chassis.faults.reach``); the simulated database,
    bus and feed add the moments before and after each call.
    """

    def __init__(self) -> None:
        self._interruption: Interruption | None = None
        self._passed = 0

    def arm(self, interruption: "Interruption | None") -> None:
        """Interrupt what runs from now on."""
        self._interruption = interruption
        self._passed = 0

    def __call__(self, point: str) -> None:
        """Pass a point; raises whatever the interruption is."""
        wanted = self._interruption
        if wanted is None or not wanted.concerns(point):
            return
        self._passed += 1
        if self._passed == wanted.at:
            self._interruption = None
            wanted.happen(point)


@dataclass(slots=True)
class Interruption:
    """What happens at the n-th point that it concerns; ``at`` counts from 1.

    ``place`` is the name of the point, once it happened.
    """

    at: int
    concerns: Callable[[str], bool]
    act: Callable[[], None]
    place: str | None = None

    def happen(self, point: str) -> None:
        """Interrupt."""
        self.place = point
        self.act()


def crash() -> None:
    """End the process."""
    raise Crashed


def lose_the_answer() -> None:
    """Fail a call, perhaps after it had its effect."""
    raise Unavailable("simulated: no answer")


def anywhere(_point: str) -> bool:
    """Concern every point."""
    return True


def at_calls(point: str) -> bool:
    """Concern calls to something outside the process."""
    return point.startswith(CALLS)
