"""Fold promotions, coupons and their uses, in the transaction that records them."""

import json
from uuid import UUID

from chassis import schemas
from chassis.changes import Change, Changes, Row, insert, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.errors import Conflict
from chassis.projections import Projection
from commerce import order_events, promotion_events
from commerce.promotion_tables import coupon_uses, coupons, promotion_uses, promotions

on_offer = Projection("promotions", [promotions])
given_out = Projection(
    "coupons", [coupons], also_written="an erasure deletes a person's coupons from it"
)
uses = Projection(
    "promotion_uses",
    [promotion_uses, coupon_uses],
    also_written="an erasure deletes a person's uses from it",
)


@on_offer.fold(promotion_events.PromotionDefined)
def offer_promotion(event: promotion_events.PromotionDefined, stored: Envelope) -> Changes:
    """Offer a promotion from the moment it is defined."""
    yield insert(
        promotions,
        tenant=stored.tenant,
        promotion_id=event.promotion_id,
        terms=json.dumps(schemas.dump(event), ensure_ascii=False),
        needs_coupon=event.needs_coupon,
        valid_from=micros(event.valid_from),
        valid_to=micros(event.valid_to) if event.valid_to else None,
        ended=False,
    )


@on_offer.fold(promotion_events.PromotionEnded)
def end_promotion(event: promotion_events.PromotionEnded, stored: Envelope) -> Changes:
    """Offer it no more."""
    where = {"tenant": stored.tenant, "promotion_id": event.promotion_id}
    yield update(promotions, where, ended=True)


@given_out.fold(promotion_events.CouponIssued)
def give_out(event: promotion_events.CouponIssued, stored: Envelope) -> Changes:
    """Accept a code from the moment it is issued."""
    place = {"tenant": stored.tenant, "code": event.code}
    row = {
        **place,
        "promotion_id": event.promotion_id,
        "person_id": event.person_id,
        "uses": event.uses,
    }

    def first(found: Row | None) -> Row:
        if found is not None:
            # Somebody else took the code since it was looked up: tried again, it is refused.
            raise Conflict(f"promotion {found['promotion_id']} has this code")
        return row

    yield Change(coupons, place, first)


@uses.fold(order_events.OrderPlaced)
def count_use(event: order_events.OrderPlaced, stored: Envelope) -> Changes:
    """Count a use from the moment the order is placed."""
    place = _order(stored, event.order_id)
    for promotion_id in sorted({line.promotion for line in event.lines if line.promotion}):
        yield insert(
            promotion_uses,
            **place,
            promotion_id=promotion_id,
            person_id=event.person_id,
            counts=True,
        )
    if event.coupon:
        yield insert(coupon_uses, **place, code=event.coupon, counts=True)


@uses.fold(order_events.OrderConfirmed)
def count_use_again(event: order_events.OrderConfirmed, stored: Envelope) -> Changes:
    """Count the uses of an expired order again that a late payment brought back."""
    yield from _counting(stored, event.order_id, counts=True)


@uses.fold(order_events.OrderCancelled)
def give_back_cancelled(event: order_events.OrderCancelled, stored: Envelope) -> Changes:
    """Give the uses of a cancelled order back."""
    yield from _counting(stored, event.order_id, counts=False)


@uses.fold(order_events.OrderExpired)
def give_back_expired(event: order_events.OrderExpired, stored: Envelope) -> Changes:
    """Give the uses of an unpaid order back."""
    yield from _counting(stored, event.order_id, counts=False)


def _counting(stored: Envelope, order_id: UUID, *, counts: bool) -> Changes:
    place = _order(stored, order_id)
    yield update(promotion_uses, place, counts=counts)
    yield update(coupon_uses, place, counts=counts)


def _order(stored: Envelope, order_id: UUID) -> dict[str, str]:
    return {"tenant": stored.tenant, "order_id": str(order_id)}
