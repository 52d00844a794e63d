"""Things that one thread asks of another: the real thread of the ops port asks the hub.

Locks that eventlet has patched cannot be shared between threads of the operating system, so
whatever touches the pools, the meters or the log of a patched process is done by its own hub.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from chassis.health import NotReady

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class _Errand:
    work: Callable[[], Any]
    done: Any
    result: Any = None
    error: Exception | None = field(default=None)

    def run(self) -> None:
        try:
            self.result = self.work()
        except Exception as error:  # noqa: BLE001 -- whoever asked decides what it means
            self.error = error
        self.done.set()


class Errands:
    """A queue of errands; made for threads of the operating system and for a hub alike.

    Args:
        event: Makes an event of the kind that the asking thread can wait for.
        seconds: How long to wait for an answer.
    """

    def __init__(self, event: Callable[[], Any], seconds: float) -> None:
        self._event, self._seconds = event, seconds
        self._waiting: deque[_Errand] = deque()

    def ask(self, work: Callable[[], T]) -> T:
        """Have work done by the other side; return what it returned, or raise what it raised.

        Raises:
            NotReady: the other side does not answer in time.
        """
        errand = _Errand(work=work, done=self._event())
        self._waiting.append(errand)
        if not errand.done.wait(self._seconds):
            raise NotReady("the main loop does not answer")
        if errand.error is not None:
            raise errand.error
        return cast("T", errand.result)

    def run_waiting(self, start: Callable[[Callable[[], None]], Any]) -> None:
        """Start everything that was asked since; ``start`` runs it without being held up."""
        while self._waiting:
            start(self._waiting.popleft().run)
