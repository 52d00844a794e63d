"""Commerce's use cases."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert

from chassis.erasure import erase
from chassis.errors import Rejected
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import (
    buyer_links,
    carting,
    entrants,
    fulfilment,
    payment_commands,
    persons,
    phone_owners,
    promoting,
)
from commerce.drop_place import not_a_drops
from commerce.fulfilment import FULFILMENT, Fulfilment
from commerce.messages import (
    ProductRequest,
    ProviderCallback,
    ReceiptRequest,
    ReturnRequest,
)
from commerce.order import ORDER, CancelOrder, Order
from commerce.payment import PAYMENT, RefundUnknown
from commerce.product import (
    PRODUCT,
    ListProduct,
    Offer,
    PriceOffer,
    Product,
    ProductUnknown,
    Withdraw,
)
from commerce.stock import STOCK, Adjust, Place, Receive, Stock
from commerce.stock_messages import AdjustmentRequest
from commerce.tables import tenants
from commerce.upstream import AccountUnlinked, PersonSplit, TenantCreated


class SoldElsewhere(Rejected):
    """The buyer's contract is with a marketplace; it alone can take the order back."""

    code = "sold_elsewhere"


class ReasonContradicts(Rejected):
    """The reason says that there are more, the number that there are fewer, or vice versa."""

    code = "reason_contradicts"
    status = 422


_SIGN: Mapping[str, int] = {"lost": -1, "damaged": -1, "found": 1}


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


def withdraw_product(work: UnitOfWork, sku: str) -> Executed[Product]:
    """Take a product off sale; what was ordered stays ordered."""
    return work.execute(PRODUCT, sku, Withdraw(sku=sku, at=work.now))


def receive_stock(work: UnitOfWork, wanted: ReceiptRequest) -> Executed[Stock]:
    """Take a delivery in.

    Raises:
        ProductUnknown: it is not in the catalogue.
        PlaceOfDrop: the location is a drop's.
    """
    not_a_drops(wanted.location)
    if work.load(PRODUCT, wanted.sku).state.title is None:
        raise ProductUnknown("List the product first.")
    place = Place(sku=wanted.sku, location=wanted.location)
    return work.execute(STOCK, place, Receive(place=place, qty=wanted.qty))


def adjust_stock(work: UnitOfWork, wanted: AdjustmentRequest) -> Executed[Stock]:
    """Correct a count.

    Raises:
        ProductUnknown: it is not in the catalogue.
        PlaceOfDrop: the location is a drop's.
        ReasonContradicts: goods would be more for being lost, or fewer for being found.
        BelowPromised: so many are promised to orders.
    """
    not_a_drops(wanted.location)
    if _SIGN.get(wanted.reason, wanted.qty) * wanted.qty < 0:
        raise ReasonContradicts("Lost or damaged goods are fewer (below 0), found ones more.")
    if work.load(PRODUCT, wanted.sku).state.title is None:
        raise ProductUnknown("List the product first.")
    place = Place(sku=wanted.sku, location=wanted.location)
    command = Adjust(place=place, qty=wanted.qty, reason=wanted.reason)
    return work.execute(STOCK, place, command)


def cancel_order(
    work: UnitOfWork, order_id: UUID, *, reason: str, expected_version: int | None
) -> Executed[Order]:
    """Take an order back that is not paid yet."""
    made = work.load(ORDER, order_id).state.placed
    if made is not None and made.origin.mode == "marketplace":
        raise SoldElsewhere("Close the trade at the marketplace; it tells us then.")
    command = CancelOrder(order_id=order_id, by=work.context.actor, reason=reason)
    return work.execute(ORDER, order_id, command, expected_version=expected_version)


def accept(work: UnitOfWork, order_id: UUID) -> Executed[Fulfilment]:
    """Take an order on, in the warehouse."""
    return work.execute(FULFILMENT, order_id, fulfilment.Accept())


def deliver(work: UnitOfWork, order_id: UUID) -> Executed[Fulfilment]:
    """Note that a parcel arrived."""
    return work.execute(FULFILMENT, order_id, fulfilment.Deliver())


def fail(work: UnitOfWork, order_id: UUID, *, reason: str) -> Executed[Fulfilment]:
    """Give a delivery up."""
    return work.execute(FULFILMENT, order_id, fulfilment.Fail(reason=reason))


def take_back(work: UnitOfWork, order_id: UUID, wanted: ReturnRequest) -> Executed[Fulfilment]:
    """Take goods back."""
    made = work.load(ORDER, order_id).state.placed
    # A marketplace decides by itself what is paid back, and says so.
    owed = made is None or made.origin.mode != "marketplace"
    command = fulfilment.Return(lines=wanted.lines, condition=wanted.condition, owed=owed)
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


def unlink_account(work: UnitOfWork, unlinked: AccountUnlinked) -> None:
    """Count an account by itself, unless it was linked to somebody else meanwhile."""
    link = unlinked.account_id, unlinked.person_id
    account, person = (persons.person_behind(work.db, work.tenant, one) for one in link)
    if account == person:
        persons.part(work.db, work.tenant, member=unlinked.account_id)


def split_person(work: UnitOfWork, split: PersonSplit) -> None:
    """Count two persons as two again, each with what was theirs."""
    persons.part(work.db, work.tenant, member=split.to_person)
    for account in split.accounts:
        persons.join(work.db, work.tenant, member=account, person=split.to_person)


def forget_people(work: UnitOfWork, *, request_id: UUID, subjects: Sequence[str]) -> None:
    """Make everything personal of some people unreadable, and drop the rows about them."""
    erase(work, request_id=request_id, subjects=subjects, forget=forget_rows)


def forget_rows(work: UnitOfWork, subjects: Sequence[str]) -> Sequence[str]:
    """Drop the rows about some people; return them with whatever else they bought as."""
    buyer_links.alone(work, subjects)
    # What was bought with somebody's number, or as a visitor, is kept under another subject.
    subjects = phone_owners.with_purchases(work.db, work.tenant, subjects)
    subjects = buyer_links.with_visitors(work.db, work.tenant, subjects)
    for part in (persons, entrants, carting, promoting, phone_owners):
        part.forget(work.db, work.tenant, subjects)
    return subjects


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
        case "refunded" | "refund_failed":
            return _refund_answer(news, what, reason)


def _refund_answer(
    news: ProviderCallback, what: dict[str, Any], reason: str
) -> payment_commands.RefundAnswer:
    if news.refund_id is None:
        raise RefundUnknown("A refund has an id.")
    if news.kind == "refunded":
        return payment_commands.NoteRefunded(**what, refund_id=news.refund_id)
    return payment_commands.NoteRefundFailed(**what, refund_id=news.refund_id, reason=reason)
