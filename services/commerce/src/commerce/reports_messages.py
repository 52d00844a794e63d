"""What commerce's reports are asked, and what they answer."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from marshmallow import validate

from chassis.money import Money

Position = Annotated[int, validate.Range(min=0, max=2**63 - 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyWanted:
    """As of when the money is reported: now, at a position of the log, or at a moment."""

    position: Position | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyView:
    """Whether all money is where it belongs, in one currency's minor units.

    Each amount is counted from its own facts, so that ``difference`` can be wrong.

    Args:
        paid_orders: What standing orders come to, without what was sent back.
        unconfirmed: Taken for orders that are neither confirmed nor cancelled yet.
        to_refund: Ours no more (cancelled, sent back), and not yet asked to be given back.
        refunding: Promised back and still with the provider.
        difference: captured - refunded - refunding - to_refund - unconfirmed - paid_orders;
            0 when all is right, at every position of the log.
    """

    currency: str
    paid_orders: int
    captured: int
    refunded: int
    refunding: int
    unconfirmed: int
    to_refund: int
    difference: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ReactionsWanted:
    """Which days are reported, in the company's zone; the last seven if nothing is said."""

    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction:
    """How long it took from an order to what it leads to, in milliseconds of recorded time.

    Args:
        within: The share that was no slower than the target, 0 to 1; None without orders.
    """

    target_ms: int
    count: int
    within: float | None
    p50_ms: int | None
    p90_ms: int | None
    p99_ms: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReactionsView:
    """One day's reaction times: until all goods were held, until the warehouse was asked."""

    day: date
    orders: int
    reserved: Reaction
    requested: Reaction


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginsWanted:
    """Which day, in the company's zone; today if nothing is said."""

    day: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginView:
    """What one platform brought in a day.

    Args:
        share: Of the day's orders, 0 to 1.
        revenue: What its standing orders come to, by currency.
    """

    platform: str
    orders: int
    share: float
    revenue: tuple[Money, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OriginsView:
    """Where a day's orders came from, the largest share first."""

    day: date
    orders: int
    origins: tuple[OriginView, ...]
