"""How many pages may hold a live stream at once, so that threads are left for everything else."""

from collections.abc import Callable
from contextlib import ExitStack
from threading import BoundedSemaphore

from chassis.errors import Rejected

MOST = 48


class TooManyLivePages(Rejected):
    """As many pages as the process can serve are being kept up to date already."""

    code = "too_many_live_pages"
    status = 503


class LivePages:
    """The places for live streams.

    Args:
        most: How many streams may be open at the same time.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._free = BoundedSemaphore(most)

    def enter(self) -> Callable[[], None]:
        """Take a place; returns what gives it back, which may be called more than once.

        Raises:
            TooManyLivePages: every place is taken.
        """
        if not self._free.acquire(blocking=False):
            raise TooManyLivePages(f"{self._most} pages are open; try again later.")
        place = ExitStack()
        place.callback(self._free.release)
        return place.close
