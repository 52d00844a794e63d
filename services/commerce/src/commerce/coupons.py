"""What a coupon is good for, and why not."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from chassis.clock import micros
from chassis.errors import Rejected
from commerce.promotion import PromotionOver
from commerce.promotion_tables import coupons, promotions


class CouponUnknown(Rejected):
    """Nobody gave out such a code."""

    code = "coupon_unknown"


class CouponUsedUp(Rejected):
    """The coupon was used as often as it may be."""

    code = "coupon_used_up"


class NotForYou(Rejected):
    """The promotion is for other people."""

    code = "not_for_you"


class PromotionNotBegun(Rejected):
    """The promotion does not hold yet."""

    code = "promotion_not_begun"


@dataclass(frozen=True, kw_only=True, slots=True)
class Coupon:
    """A code that holds now, and the promotion that it opens."""

    code: str
    promotion_id: str
    person_id: str | None
    uses: int
    terms: str


def coupon_at(db: Connection, tenant: str, code: str, at: datetime) -> Coupon:
    """Return a coupon whose promotion holds at a moment.

    Raises:
        CouponUnknown: nobody gave out such a code.
        PromotionOver: its promotion has ended.
        PromotionNotBegun: its promotion has not begun.
    """
    row, on_offer = coupons.c, promotions.c
    found = db.execute(
        select(coupons, on_offer.terms, on_offer.ended, on_offer.valid_from, on_offer.valid_to)
        .join(
            promotions,
            (on_offer.tenant == row.tenant) & (on_offer.promotion_id == row.promotion_id),
        )
        .where(row.tenant == tenant, row.code == code.upper())
    ).one_or_none()
    if found is None:
        raise CouponUnknown("There is no such coupon; check the code, or order without it.")
    if found.ended or (found.valid_to is not None and found.valid_to <= micros(at)):
        raise PromotionOver("This coupon holds no more; order without it.")
    if found.valid_from > micros(at):
        raise PromotionNotBegun("This coupon does not hold yet; order later, or without it.")
    return Coupon(
        code=found.code,
        promotion_id=found.promotion_id,
        person_id=found.person_id,
        uses=found.uses,
        terms=found.terms,
    )


def check_person(
    coupon: Coupon, audience: str, names: Sequence[str], audiences: Collection[str]
) -> None:
    """Raise NotForYou where somebody is not among those the coupon is for."""
    if coupon.person_id not in {None, *names} or audience not in audiences:
        raise NotForYou("This coupon is for other people; order without it.")
