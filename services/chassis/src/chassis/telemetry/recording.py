"""How long appends take, commit included, and how they end."""

import time
from types import TracebackType
from typing import Self

from chassis.errors import Conflict
from chassis.telemetry import metrics


class Recording:
    """Measures one unit of work from the moment it writes until its transaction has ended.

    To be entered before the transaction, so that the commit is inside.
    """

    def __init__(self) -> None:
        self._started: float | None = None
        self._written = 0

    def begins(self) -> None:
        """Say that the use case is over and its events are being written."""
        self._started = time.perf_counter()

    def wrote(self, count: int) -> None:
        """Say how many events there are, if the transaction commits."""
        self._written = count

    def __enter__(self) -> Self:
        """Begin to listen for the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record what was written; a use case that refused before writing is not counted."""
        if self._started is None:
            return
        took = time.perf_counter() - self._started
        metrics.record(metrics.APPEND_SECONDS, took, outcome=_outcome(error))
        if error is None and self._written:
            metrics.record(metrics.APPENDED, self._written)


def _outcome(error: BaseException | None) -> str:
    if error is None:
        return "done"
    return "conflict" if isinstance(error, Conflict) else "failed"
