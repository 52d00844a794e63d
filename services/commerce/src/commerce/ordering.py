"""Placing an order: at which prices, for whom, within which limits."""

from datetime import timedelta
from uuid import UUID

from chassis.errors import Rejected
from chassis.unit_of_work import Loaded, UnitOfWork
from commerce import cart_checkout, drop_orders, limits, persons, pricing
from commerce.forgotten import buyer_exists, still_there
from commerce.messages import LineRequest, OrderRequest
from commerce.order import ORDER, Order, PlaceOrder
from commerce.order_doors import ordered_here
from commerce.order_events import OrderLine
from commerce.settings import Terms


class PriceChanged(Rejected):
    """The price is not the one that the buyer saw."""

    code = "price_changed"


def place_order(work: UnitOfWork, wanted: OrderRequest, terms: Terms) -> tuple[UUID, Loaded[Order]]:
    """Order goods at today's prices.

    Raises:
        OtherDoor: what happened in a store or a marketplace is told elsewhere.
        ProductUnknown: a product is not in the catalogue.
        NotOffered: one has no price now.
        PriceChanged: the buyer saw another price.
        PersonLimitReached: the person has bought as many as one may.
        BuyerErased: the buyer asked to be forgotten.
        Rejected: a drop has a say in it, see ``drop_orders.supply``.
        CartOrdered, CartDiffers: the cart is not as the buyer saw it.
        CouponUnknown, CouponUsedUp, NotForYou, PromotionOver: the coupon does not do.
    """
    order_id = drop_orders.id_of(work, wanted)
    known = work.load(ORDER, order_id)
    if known.state.placed is not None:
        drop_orders.not_another(work, known.state.placed)
        return order_id, known
    ordered_here(wanted.origin)
    buyer_exists(work, wanted.person_id)
    wanted = cart_checkout.filled(work, wanted)
    basket = pricing.basket_of(work, wanted)
    lines = tuple(
        _as_seen(line, priced) for line, priced in zip(wanted.lines, basket.lines, strict=True)
    )
    _within_limits(work, wanted)
    supply = drop_orders.supply(work, wanted, _usual(work, wanted, terms))
    command = PlaceOrder(
        order_id=order_id,
        key=str(work.context.command_id),
        body_hash=work.context.digest.hex(),
        person_id=wanted.person_id,
        origin=wanted.origin,
        lines=lines,
        location=supply.location,
        placed_at=work.now,
        reserved_until=supply.reserved_until,
        payment_due_at=supply.payment_due_at,
        payment_method=wanted.payment_method,
        drop_entry=wanted.drop_entry,
        coupon=basket.coupon,
        answer_within=terms.payment // timedelta(seconds=1),
    )
    placed = work.execute(ORDER, order_id, command)
    cart_checkout.check_out(work, wanted.cart_id, order_id)
    return order_id, placed


def _usual(work: UnitOfWork, wanted: OrderRequest, terms: Terms) -> drop_orders.Supply:
    # An order that is imported later has its full time from then on: its deadlines are over.
    return drop_orders.Supply(
        location=wanted.location,
        reserved_until=work.known_at + terms.hold,
        payment_due_at=work.known_at + terms.payment,
    )


def _as_seen(line: LineRequest, priced: OrderLine) -> OrderLine:
    price = priced.price
    if line.price is not None and line.price != price:
        raise PriceChanged(f"{line.sku} costs {price.amount} {price.currency} now.")
    return priced


def _within_limits(work: UnitOfWork, wanted: OrderRequest) -> None:
    person = persons.person_behind(work.db, work.tenant, wanted.person_id)
    persons.one_at_a_time(work.db, work.tenant, person)
    still_there(work, (wanted.person_id,))
    limits.within(work, person, wanted.lines, work.now)
