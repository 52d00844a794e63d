"""Writers that share a commit: whoever comes first takes along everybody who waits.

A commit waits for the disk, and one that carries sixteen commands waits as long as one that
carries one.  The work is only ever shared, never its outcome: a batch that fails as a whole is
given back, and each of its writers goes alone.
"""

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

W = TypeVar("W")
R = TypeVar("R")

GATHER_SECONDS = 0.0005


class GoAlone(Exception):
    """The batch was not written; the caller does its own work by itself."""


class _Sleeper:
    """One thread that waits to be woken; a lock costs a tenth of an ``Event``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def sleep(self, seconds: float = -1) -> None:
        """Wait until ``wake`` was called, or for so many seconds."""
        self._lock.acquire(timeout=seconds)

    def wake(self) -> None:
        """Let it go on; at most once for each sleep."""
        self._lock.release()


class _Waiting(_Sleeper, Generic[W, R]):
    """One writer's wish, and in the end its result."""

    def __init__(self, wish: W, key: Hashable) -> None:
        super().__init__()
        self.wish = wish
        self.key = key
        self.result: R | None = None
        self.leads = False


class GroupCommit(Generic[W, R]):
    """Collects what several threads want to write into one transaction after the other.

    Args:
        write: Writes a batch in one transaction and returns a result for each, in order.  When
            it raises, nothing of the batch was written, or all of it may be written again.
        limit: The largest batch.
        abreast: How many batches are written at a time: one is made while another waits for
            the disk.
    """

    def __init__(
        self,
        write: Callable[[Sequence[W]], Sequence[R]],
        *,
        limit: int = 64,
        abreast: int = 2,
    ) -> None:
        self._write = write
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting[W, R]] = deque()
        self._free = abreast
        self._sizes = (1, 1)
        self._gathering: _Sleeper | None = None

    def submit(self, wish: W, key: Hashable) -> R:
        """Write something together with whoever else is waiting; returns its own result.

        Args:
            wish: What to write.
            key: No batch has two wishes of one key; they keep their order.

        Raises:
            GoAlone: the batch was not written.
        """
        mine = _Waiting[W, R](wish, key)
        self._queue(mine)
        try:
            self._wait(mine)
        except BaseException:
            self._leave(mine)
            raise
        if mine.leads:
            self._lead()
        if mine.result is None:
            raise GoAlone
        return mine.result

    def _wait(self, mine: _Waiting[W, R]) -> None:
        """Wait for the result, or for the lead and then for company."""
        if not mine.leads:
            mine.sleep()
        if mine.leads:
            self._gather()

    def _leave(self, mine: _Waiting[W, R]) -> None:
        """Give up waiting, as a thread does that is killed: the lead must not die with it."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            self._free += mine.leads
            following = self._appoint()
        if following is not None:
            following.wake()

    def _queue(self, mine: _Waiting[W, R]) -> None:
        with self._lock:
            self._waiting.append(mine)
            self._appoint()
            if self._gathering and self._enough():
                self._gathering.wake()
                self._gathering = None

    def _appoint(self) -> _Waiting[W, R] | None:
        """Let the first who waits lead, when there is room for one more batch."""
        first = self._waiting[0] if self._waiting else None
        if not self._free or first is None or first.leads:
            return None
        self._free -= 1
        first.leads = True
        return first

    def _enough(self) -> bool:
        return 2 * len(self._waiting) >= sum(self._sizes)

    def _gather(self) -> None:
        """Wait a moment for as many as came lately: they are likely to come again."""
        with self._lock:
            if self._enough():
                return
            mine = self._gathering = _Sleeper()
        mine.sleep(GATHER_SECONDS)
        with self._lock:
            self._gathering = None

    def _lead(self) -> None:
        """Write one batch, the leader's own wish in it, then leave the lead to the next."""
        batch = self._taken()
        try:
            for one, result in zip(batch, self._write([one.wish for one in batch]), strict=True):
                one.result = result
        except Exception:  # noqa: BLE001  # each goes alone, and meets its own error there
            return
        finally:
            self._hand_over(batch)

    def _taken(self) -> list[_Waiting[W, R]]:
        with self._lock:
            batch: dict[Hashable, _Waiting[W, R]] = {}
            left: deque[_Waiting[W, R]] = deque()
            for one in self._waiting:
                if len(batch) == self._limit or one.key in batch:
                    left.append(one)
                else:
                    batch[one.key] = one
            self._waiting, self._sizes = left, (self._sizes[1], len(batch))
            following = self._appoint()
        if following is not None:
            following.wake()
        return list(batch.values())

    def _hand_over(self, batch: Sequence[_Waiting[W, R]]) -> None:
        with self._lock:
            self._free += 1
            following = self._appoint()
        for one in (*batch[1:], following):
            if one is not None:
                one.wake()
