"""How aggregates look from outside."""

from datetime import datetime

from chassis.money import Money
from commerce.fulfilment import Fulfilment
from commerce.messages import (
    LineView,
    OfferView,
    OrderView,
    PaymentView,
    ProductView,
    StockView,
)
from commerce.order import Order, placed
from commerce.payment_state import Payment
from commerce.presentation import Presentation
from commerce.product import NotOffered, Offer, Product
from commerce.stock import Stock


def product(sku: str, listed: Product, shown: Presentation, now: datetime) -> ProductView:
    """Show a product with the price that holds now, and those to come."""
    offer = _offer_at(listed, now)
    return ProductView(
        sku=sku,
        title=listed.title or "",
        list=offer.list if offer else None,
        sale=offer.sale if offer else None,
        valid_from=offer.valid_from if offer else None,
        valid_to=offer.valid_to if offer else None,
        per_person=offer.per_person if offer else None,
        coming=tuple(_coming(offer) for offer in listed.coming(now)),
        media=shown.media,
        descriptions=shown.texts,
    )


def _offer_at(listed: Product, now: datetime) -> Offer | None:
    try:
        return listed.offer_at(now)
    except NotOffered:
        return None


def _coming(offer: Offer) -> OfferView:
    return OfferView(
        list=offer.list,
        sale=offer.sale,
        valid_from=offer.valid_from,
        valid_to=offer.valid_to,
        per_person=offer.per_person,
    )


def stock(location: str, there: Stock) -> StockView:
    """Show what one location has."""
    confirmed = sum(held.qty for held in there.held.values() if held.confirmed)
    return StockView(
        location=location,
        on_hand=there.on_hand,
        reserved=there.promised - confirmed,
        confirmed=confirmed,
        available=there.available,
    )


def order(
    made: Order, payment: Payment | None = None, goods: Fulfilment | None = None
) -> OrderView:
    """Show an order; raises OrderUnknown."""
    began = placed(made)
    return OrderView(
        order_id=began.order_id,
        status=made.status,
        reason=made.reason,
        origin=began.origin,
        lines=tuple(
            LineView(sku=line.sku, qty=line.qty, price=line.price, promotion=line.promotion)
            for line in began.lines
        ),
        total=began.total,
        placed_at=began.placed_at,
        payment=_payment(payment) if payment else None,
        fulfilment=goods.status if goods else "none",
        coupon=began.coupon,
    )


def _payment(payment: Payment) -> PaymentView | None:
    began = payment.initiated
    if began is None:
        return None
    currency = began.amount.currency
    return PaymentView(
        payment_id=began.payment_id,
        status=payment.status,
        captured=Money(amount=payment.captured, currency=currency),
        refunded=Money(amount=payment.refunded, currency=currency),
    )
