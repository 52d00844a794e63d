"""How a module says which facts stand in an event."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, TypeVar

from chassis.clock import micros
from chassis.errors import Invalid
from loop.fact_tables import Fact

E = TypeVar("E")
BILLION = 1_000_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Frame:
    """What a reader takes from the envelope."""

    tenant: str
    at: int
    type: str


Reader = Callable[[Any, Frame], Iterable[Fact]]
READERS: dict[type[Any], Reader] = {}


def reads(cls: type[E]) -> Callable[[Callable[[E, Frame], Iterable[Fact]]], Reader]:
    """Declare the pure function that finds the facts in one class of events."""

    def declare(read: Callable[[E, Frame], Iterable[Fact]]) -> Reader:
        READERS[cls] = read
        return read

    return declare


def billionths(share: Decimal) -> int:
    """Return a share as a whole number, which sums exactly in any order.

    >>> billionths(Decimal("0.25"))
    250000000

    Raises:
        Invalid: it is no share of a whole.
    """
    if not 0 <= share <= 1:
        raise Invalid(["A share lies between 0 and 1."])
    return int((share * BILLION).to_integral_value())


def midnight(day: date) -> int:
    """Return a day's beginning on the wall clock, whichever zone that hangs in."""
    return micros(datetime.combine(day, time(), tzinfo=UTC))
