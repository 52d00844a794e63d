"""Promotion: for whom some goods cost less, from when to when, and by which coupons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import assert_never

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from commerce.promotion_events import (
    CouponIssued,
    Discount,
    PromotionDefined,
    PromotionEnded,
    PromotionEvent,
    Wording,
)

WHOLE = 10_000  # basis points


class PromotionUnknown(NotFound):
    """There is no such promotion."""

    code = "promotion_unknown"


class DefinedDifferently(Rejected):
    """A promotion keeps its terms: people were told of them."""

    code = "promotion_defined_differently"


class UnusablePromotion(Rejected):
    """A promotion must say what it is, take something off, and last."""

    code = "unusable_promotion"
    status = 422
    requirement = "C16"


class PromotionOver(Rejected):
    """The promotion holds no more."""

    code = "promotion_over"


class CouponNotNeeded(Rejected):
    """The promotion holds without a coupon."""

    code = "coupon_not_needed"


class CouponDiffers(Rejected):
    """The code was issued on other terms."""

    code = "coupon_differs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Promotion:
    """A promotion as it stands."""

    defined: PromotionDefined | None = None
    ended_at: datetime | None = None
    coupons: Mapping[str, CouponIssued] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DefinePromotion:
    """Let some goods cost some people less for a while."""

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


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueCoupon:
    """Give out a code."""

    promotion_id: str
    code: str
    person_id: str | None
    uses: int
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EndPromotion:
    """Give the promotion to nobody any more."""

    promotion_id: str
    at: datetime


PromotionCommand = DefinePromotion | IssueCoupon | EndPromotion


def decide(promotion: Promotion, command: PromotionCommand) -> Sequence[PromotionEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case DefinePromotion():
            return _define(promotion, command)
        case IssueCoupon():
            return _issue(promotion, command)
        case EndPromotion():
            defined(promotion)
            over = promotion.ended_at is not None
            return (
                [] if over else [PromotionEnded(promotion_id=command.promotion_id, at=command.at)]
            )
        case _:
            assert_never(command)


def evolve(promotion: Promotion, event: PromotionEvent) -> Promotion:
    """Apply one fact."""
    match event:
        case PromotionDefined():
            return replace(promotion, defined=event)
        case PromotionEnded():
            return replace(promotion, ended_at=event.at)
        case CouponIssued():
            return replace(promotion, coupons={**promotion.coupons, event.code: event})
        case _:
            assert_never(event)


def defined(promotion: Promotion) -> PromotionDefined:
    """Return a promotion's terms.

    Raises:
        PromotionUnknown: it has none.
    """
    if promotion.defined is None:
        raise PromotionUnknown("There is no such promotion; define it first.")
    return promotion.defined


def _define(promotion: Promotion, command: DefinePromotion) -> Sequence[PromotionEvent]:
    terms = {each.name: getattr(command, each.name) for each in fields(command)}
    wanted = PromotionDefined(**terms)
    if promotion.defined is None:
        _check(wanted)
        return [wanted]
    if promotion.defined != wanted:
        raise DefinedDifferently("End it, and define another under a new id.")
    return []


def _check(wanted: PromotionDefined) -> None:
    share, amount = wanted.discount.basis_points, wanted.discount.amount
    languages = [wording.lang.casefold() for wording in wanted.texts]
    if (share is None) == (amount is None):
        raise UnusablePromotion("Give a discount in basis points or an amount, one of the two.")
    if share is not None and not 0 < share < WHOLE:
        raise UnusablePromotion(f"A share lies between 0 and {WHOLE} basis points.")
    if amount is not None and amount.amount <= 0:
        raise UnusablePromotion("An amount off is more than 0.")
    if not languages or len(set(languages)) < len(languages):
        raise UnusablePromotion("Give one text for each language, and at least one.")
    if wanted.valid_to is not None and wanted.valid_to <= wanted.valid_from:
        raise UnusablePromotion("It would end before it began.")


def _issue(promotion: Promotion, command: IssueCoupon) -> Sequence[PromotionEvent]:
    terms = defined(promotion)
    wanted = CouponIssued(
        code=command.code,
        promotion_id=command.promotion_id,
        person_id=command.person_id,
        uses=command.uses,
    )
    if promotion.coupons.get(command.code, wanted) != wanted:
        raise CouponDiffers("This code is issued already; choose another.")
    if command.code in promotion.coupons:
        return []
    if not terms.needs_coupon:
        raise CouponNotNeeded("It holds without a coupon; give none out.")
    if promotion.ended_at or (terms.valid_to is not None and terms.valid_to <= command.at):
        raise PromotionOver("It is over; define another promotion first.")
    return [wanted]


PROMOTION: Decider[Promotion, PromotionCommand, PromotionEvent] = Decider(
    category="promotion", initial=Promotion(), decide=decide, evolve=evolve
)
