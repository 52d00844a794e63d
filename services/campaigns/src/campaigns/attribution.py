"""Share an order's value out over the touches before it; pure, exact, and always the whole.

These models describe which touches came together with an order.  None of them shows that
a touch caused it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from campaigns.events import Model

WINDOW_DAYS = 30
_PLACES = 12
_UNIT = 10**_PLACES


@dataclass(frozen=True, kw_only=True, slots=True)
class Touch:
    """As much of a touch as the models look at.

    Args:
        event_id: Orders touches of one moment.
        direct: Nobody led the subject here: it came by itself.
    """

    touch_id: UUID
    event_id: str
    channel: str
    direct: bool
    at: datetime
    campaign_id: str | None = None
    content_id: str | None = None


Shares = Mapping[UUID, Fraction]


def path_of(
    touches: Iterable[Touch], *, ordered_at: datetime, window_days: int = WINDOW_DAYS
) -> list[Touch]:
    """Return the touches that may have credit, oldest first; ties by event id.

    A touch at the very moment of the order led to it; a later one never did.
    """
    opens = ordered_at - timedelta(days=window_days)
    counted = (touch for touch in touches if opens <= touch.at <= ordered_at)
    return sorted(counted, key=lambda touch: (touch.at, touch.event_id))


def first(path: Sequence[Touch]) -> Shares:
    """Give everything to the first touch."""
    return _whole(path[:1])


def last(path: Sequence[Touch]) -> Shares:
    """Give everything to the last touch."""
    return _whole(path[-1:])


def last_non_direct(path: Sequence[Touch]) -> Shares:
    """Give everything to the last touch that was not direct; to the last one if all were."""
    led = [touch for touch in path if not touch.direct]
    return last(led or path)


def linear(path: Sequence[Touch]) -> Shares:
    """Give every touch the same."""
    return {touch.touch_id: Fraction(1, len(path)) for touch in path}


MODELS: Mapping[Model, Callable[[Sequence[Touch]], Shares]] = {
    "first": first,
    "last": last,
    "last_non_direct": last_non_direct,
    "linear": linear,
}


def apportion(total: int, shares: Sequence[Fraction]) -> list[int]:
    """Split whole units by shares of one so that the parts sum to the total.

    What rounding down leaves over goes, one unit each, to the largest remainders; of equal
    ones to the earlier.

    >>> apportion(100, [Fraction(1, 3)] * 3)
    [34, 33, 33]
    """
    exact = [total * share for share in shares]
    parts = [value.numerator // value.denominator for value in exact]
    missing = total - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda n: (parts[n] - exact[n], n))
    for number in by_remainder[:missing]:
        parts[number] += 1
    return parts


def weights(shares: Sequence[Fraction]) -> list[Decimal]:
    """Return shares of one as decimals of twelve places that still sum to exactly one."""
    return [_decimal(part) for part in apportion(_UNIT, shares)]


def fraction_of(part: int, whole: int) -> Decimal:
    """Return ``part / whole`` to twelve places; of nothing, everything."""
    return _decimal(_UNIT * part // whole) if whole else Decimal(1)


def _whole(path: Sequence[Touch]) -> Shares:
    return {touch.touch_id: Fraction(1) for touch in path}


def _decimal(units: int) -> Decimal:
    return Decimal(units).scaleb(-_PLACES)
