"""Build the next version of a read model while saying how far it is, and how long it will take."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from chassis.comparing import Comparison
from chassis.rebuilding import ReadModel


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a rebuild is.

    Args:
        position: Up to where the next version has folded the log.
        head: The log's last position.
        per_second: How many events it folded a second so far.
        remaining_seconds: How long it will take at that rate.
    """

    position: int
    head: int
    per_second: int
    remaining_seconds: float


def build(
    model: ReadModel,
    *,
    resume: bool = False,
    every: float = 1.0,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Progress]:
    """Fold the log into a new next version, up to where the live one stands.

    Args:
        model: Which read model.
        resume: Go on with a version that the same code began earlier.
        every: Seconds between two reports.
        now: Seconds on some clock.

    Yields:
        How far it is, and in the end that it has arrived.
    """
    model.begin(resume=resume)
    start, began = model.standing().next or 0, now()
    said = began
    while model.step():
        if now() - said >= every:
            said = now()
            yield _progress(model, start, said - began)
    yield _progress(model, start, now() - began)


def _progress(model: ReadModel, start: int, seconds: float) -> Progress:
    standing = model.standing()
    position = standing.next or 0
    rate = (position - start) / seconds if seconds > 0 else 0.0
    left = standing.head - position
    return Progress(
        position=position,
        head=standing.head,
        per_second=round(rate),
        remaining_seconds=round(left / rate, 1) if rate else 0.0,
    )


def described(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON types."""
    return {**asdict(comparison), "equal": comparison.equal}
