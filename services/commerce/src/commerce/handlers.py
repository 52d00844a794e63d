"""Commerce's use cases."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert

from chassis.erasure import erase
from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.privacy import is_erased
from chassis.unit_of_work import Executed, Loaded, UnitOfWork
from commerce import fulfilment, payment_commands, persons
from commerce.fulfilment import FULFILMENT, Fulfilment
from commerce.messages import (
    LineRequest,
    OrderRequest,
    ProductRequest,
    ProviderCallback,
    ReceiptRequest,
    ReturnRequest,
)
from commerce.order import ORDER, CancelOrder, Order, PlaceOrder
from commerce.order_events import OrderLine
from commerce.payment import PAYMENT, RefundUnknown
from commerce.product import PRODUCT, ListProduct, Offer, PriceOffer, Product, ProductUnknown
from commerce.settings import Terms
from commerce.stock import STOCK, Place, Receive, Ship, Stock, Wanted
from commerce.tables import tenants
from commerce.upstream import TenantCreated


class PersonLimitReached(Rejected):
    """One person may not buy so many, under all their accounts together."""

    code = "person_limit_reached"


class PriceChanged(Rejected):
    """The price is not the one that the buyer saw."""

    code = "price_changed"


class BuyerErased(Rejected):
    """The buyer asked to be forgotten; nothing new is kept under this id."""

    code = "buyer_erased"


def offer_product(work: UnitOfWork, wanted: ProductRequest) -> Executed[Product]:
    """Put a product into the catalogue, or give it a new price."""
    work.execute(PRODUCT, wanted.sku, ListProduct(sku=wanted.sku, title=wanted.title))
    offer = Offer(
        list=wanted.list,
        sale=wanted.sale,
        valid_from=wanted.valid_from or work.now,
        valid_to=wanted.valid_to,
        per_person=wanted.per_person,
    )
    return work.execute(PRODUCT, wanted.sku, PriceOffer(sku=wanted.sku, offer=offer))


def receive_stock(work: UnitOfWork, wanted: ReceiptRequest) -> Executed[Stock]:
    """Take a delivery in.

    Raises:
        ProductUnknown: it is not in the catalogue.
    """
    if work.load(PRODUCT, wanted.sku).state.title is None:
        raise ProductUnknown("List the product first.")
    place = Place(sku=wanted.sku, location=wanted.location)
    return work.execute(STOCK, place, Receive(place=place, qty=wanted.qty))


def place_order(work: UnitOfWork, wanted: OrderRequest, terms: Terms) -> tuple[UUID, Loaded[Order]]:
    """Order goods at today's prices.

    Raises:
        ProductUnknown: a product is not in the catalogue.
        NotOffered: one has no price now.
        PriceChanged: the buyer saw another price.
        PersonLimitReached: the person has bought as many as one may.
        BuyerErased: the buyer asked to be forgotten.
    """
    order_id = derived_id(work.context.command_id, "order")
    known = work.load(ORDER, order_id)
    if known.state.placed is not None:
        return order_id, known
    _buyer_exists(work, wanted.person_id)
    priced = [_priced(work, line) for line in wanted.lines]
    _within_limits(work, wanted)
    # An order that is imported later has its full time from then on: its deadlines are over.
    known_at = max(work.now, work.recorded_at)
    command = PlaceOrder(
        order_id=order_id,
        key=str(work.context.command_id),
        body_hash=work.context.digest.hex(),
        person_id=wanted.person_id,
        origin=wanted.origin,
        lines=tuple(priced),
        location=wanted.location,
        placed_at=work.now,
        reserved_until=known_at + terms.hold,
        payment_due_at=known_at + terms.payment,
        payment_method=wanted.payment_method,
    )
    return order_id, work.execute(ORDER, order_id, command)


def cancel_order(
    work: UnitOfWork, order_id: UUID, *, reason: str, expected_version: int | None
) -> Executed[Order]:
    """Take an order back that is not paid yet."""
    command = CancelOrder(order_id=order_id, by=work.context.actor, reason=reason)
    return work.execute(ORDER, order_id, command, expected_version=expected_version)


def accept(work: UnitOfWork, order_id: UUID) -> Executed[Fulfilment]:
    """Take an order on, in the warehouse."""
    return work.execute(FULFILMENT, order_id, fulfilment.Accept())


def ship(work: UnitOfWork, order_id: UUID, *, carrier: str, no: str | None) -> Executed[Fulfilment]:
    """Hand an order's parcel to a carrier; its goods leave the stock in the same moment."""
    asked = fulfilment.requested(work.load(FULFILMENT, order_id).state)
    kept = None if is_erased(work.keys, work.tenant, asked.person_id) else no
    done = work.execute(FULFILMENT, order_id, fulfilment.ShipParcel(carrier=carrier, no=kept))
    for sku in sorted({line.sku for line in asked.lines}):
        place = Place(sku=sku, location=asked.location)
        lines = tuple(
            Wanted(reservation=line.reservation, qty=line.qty)
            for line in asked.lines
            if line.sku == sku
        )
        work.execute(STOCK, place, Ship(place=place, lines=lines))
    return done


def deliver(work: UnitOfWork, order_id: UUID) -> Executed[Fulfilment]:
    """Note that a parcel arrived."""
    return work.execute(FULFILMENT, order_id, fulfilment.Deliver())


def fail(work: UnitOfWork, order_id: UUID, *, reason: str) -> Executed[Fulfilment]:
    """Give a delivery up."""
    return work.execute(FULFILMENT, order_id, fulfilment.Fail(reason=reason))


def take_back(work: UnitOfWork, order_id: UUID, wanted: ReturnRequest) -> Executed[Fulfilment]:
    """Take goods back."""
    command = fulfilment.Return(lines=wanted.lines, condition=wanted.condition)
    return work.execute(FULFILMENT, order_id, command)


def hear_provider(work: UnitOfWork, news: ProviderCallback) -> None:
    """Take note of what happened to the money of a payment.

    Raises:
        PaymentUnknown: we never asked for it.
        RefundUnknown: nobody asked for this refund.
        AmountDiffers: it is about another amount.
    """
    work.execute(PAYMENT, news.payment_id, _answer(work, news))


def keep_tenant(work: UnitOfWork, created: TenantCreated) -> None:
    """Note a company's zone and currency."""
    work.db.execute(delete(tenants).where(tenants.c.tenant == work.tenant))
    work.db.execute(
        insert(tenants).values(
            tenant=work.tenant,
            zone=created.zone,
            currency=created.currency,
            country=created.country,
        )
    )


def forget_people(work: UnitOfWork, *, request_id: UUID, subjects: Sequence[str]) -> None:
    """Make everything personal of some people unreadable, and drop the rows about them."""

    def purge(work: UnitOfWork, subjects: Sequence[str]) -> None:
        persons.forget(work.db, work.tenant, subjects)

    erase(work, request_id=request_id, subjects=subjects, purge=purge)


def _answer(work: UnitOfWork, news: ProviderCallback) -> payment_commands.ProviderAnswer:
    what: dict[str, Any] = {
        "callback_id": news.callback_id,
        "amount": news.amount,
        "at": work.now,
    }
    reason = news.reason or "declined"
    match news.kind:
        case "authorized":
            return payment_commands.NoteAuthorized(**what)
        case "captured":
            return payment_commands.NoteCaptured(**what)
        case "declined":
            return payment_commands.NoteDeclined(**what, step="authorise", reason=reason)
        case "capture_failed":
            return payment_commands.NoteDeclined(**what, step="capture", reason=reason)
        case "voided":
            return payment_commands.NoteVoided(**what)
        case "refunded":
            if news.refund_id is None:
                raise RefundUnknown("A refund has an id.")
            return payment_commands.NoteRefunded(**what, refund_id=news.refund_id)


def _priced(work: UnitOfWork, line: LineRequest) -> OrderLine:
    price = work.load(PRODUCT, line.sku).state.offer_at(work.now).sale
    if line.price is not None and line.price != price:
        raise PriceChanged(f"{line.sku} costs {price.amount} {price.currency} now.")
    return OrderLine(sku=line.sku, qty=line.qty, price=price)


def _within_limits(work: UnitOfWork, wanted: OrderRequest) -> None:
    pieces: Counter[str] = Counter()
    for line in wanted.lines:
        pieces[line.sku] += line.qty
    person = persons.person_behind(work.db, work.tenant, wanted.person_id)
    persons.one_at_a_time(work.db, work.tenant, person)
    for sku, qty in sorted(pieces.items()):
        limit = work.load(PRODUCT, sku).state.offer_at(work.now).per_person
        if limit is not None and persons.bought(work.db, work.tenant, person, sku) + qty > limit:
            raise PersonLimitReached(f"One person may buy {limit} of {sku}.")


def _buyer_exists(work: UnitOfWork, person_id: str) -> None:
    if is_erased(work.keys, work.tenant, person_id):
        raise BuyerErased("This buyer asked to be forgotten.")
