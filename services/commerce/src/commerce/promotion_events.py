"""What commerce records about promotions and their coupons."""

from dataclasses import dataclass
from datetime import datetime

from chassis.money import Money
from commerce.events import registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """How a promotion is told in one language (BCP 47)."""

    lang: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Discount:
    """What is taken off the price of one piece: a share of it or an amount, one of the two.

    Args:
        basis_points: Hundredths of a percent.
    """

    basis_points: int | None = None
    amount: Money | None = None


@registry.event("promotion_defined", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionDefined:
    """Some goods cost some people less for a while.

    Args:
        audience: Whom it is for, as ``audiences`` reads it.
        skus: Which products; None for all.
        needs_coupon: It holds only with a coupon, not by itself.
        per_person: In how many orders one person may use it; None for any number.
        total: In how many orders it may be used at all.
    """

    promotion_id: str
    texts: tuple[Wording, ...]
    audience: str
    discount: Discount
    skus: tuple[str, ...] | None
    valid_from: datetime
    valid_to: datetime | None
    needs_coupon: bool
    per_person: int | None
    total: int | None


@registry.event("promotion_ended", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PromotionEnded:
    """Nobody gets the promotion any more; orders that have it keep it."""

    promotion_id: str
    at: datetime


# Not public: the code is as good as money to whoever reads it.
@registry.event("coupon_issued")
@dataclass(frozen=True, kw_only=True, slots=True)
class CouponIssued:
    """Whoever gives this code with an order gets its promotion.

    Args:
        person_id: The only one who may use it; None for anybody in the audience.
        uses: In how many orders.
    """

    code: str
    promotion_id: str
    person_id: str | None
    uses: int


PromotionEvent = PromotionDefined | PromotionEnded | CouponIssued
