"""What somebody else answers, kept for a while, so that our requests are not a flood of theirs."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import httpx

from chassis.clock import Clock
from chassis.errors import Unavailable

FRESH = timedelta(minutes=5)
COOLDOWN = timedelta(seconds=10)
_STALE = timedelta(days=1)
T = TypeVar("T")


class Kept(Generic[T]):
    """An answer, kept for five minutes and up to a day while whoever gives it is silent.

    Of many requests at once one asks; the others go on with the answer that is there, or wait
    for the first.  Nobody is asked more often than every ten seconds.

    Args:
        ask: Gets the answer; a ``httpx.HTTPError`` or ``ValueError`` says that there is none.
        clock: Real time.
        what: Names the answer in refusals.
    """

    def __init__(self, ask: Callable[[], T], clock: Clock, what: str) -> None:
        self._ask = ask
        self._clock = clock
        self._what = what
        self._answer: T | None = None
        self._asked: datetime | None = None
        self._answered: datetime | None = None
        self._asking = threading.Lock()

    def not_older_than(self, age: timedelta = FRESH) -> T:
        """Return the answer, asked for again if it is older and there is an answer.

        Raises:
            Unavailable: there is none, or none of the last day.
        """
        # Whoever needs a newer one waits for the one who asks; for the others the old one does.
        waits = self._answer is None or age == COOLDOWN
        if (waits or self._due(age)) and self._asking.acquire(blocking=waits):
            try:
                if self._due(age):
                    self._ask_again()
            finally:
                self._asking.release()
        if self._answer is None or self._answered is None:
            raise Unavailable(f"{self._what} cannot be fetched")
        if self._clock.now() - self._answered > _STALE:
            raise Unavailable(f"{self._what} is too old to be trusted")
        return self._answer

    def _due(self, age: timedelta) -> bool:
        limit = age if self._answer is not None else COOLDOWN
        return self._asked is None or self._clock.now() - self._asked >= limit

    def _ask_again(self) -> None:
        self._asked = self._clock.now()
        # What was good a while ago is better than no service.
        with suppress(httpx.HTTPError, ValueError):
            self._answer = self._ask()
            self._answered = self._asked
