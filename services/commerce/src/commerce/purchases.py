"""A purchase in a store: goods and money have changed hands before we hear of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain, combinations
from uuid import UUID

from chassis import schemas
from chassis.context import digest_of
from chassis.errors import NotFound, Rejected
from chassis.ids import derived_id
from chassis.money import Money
from chassis.privacy import is_erased
from chassis.unit_of_work import Loaded, UnitOfWork
from commerce import fulfilment, payment_commands, persons, phone_owners, store
from commerce.drop_place import not_a_drops
from commerce.fulfilment import FULFILMENT
from commerce.order import ORDER, CompleteOrder, ConfirmOrder, Order, PlaceOrder
from commerce.order_events import FulfilmentLine, OrderLine, OrderPlaced, Origin
from commerce.order_process_state import lines_of, payment_of
from commerce.payment import PAYMENT, RefundUnknown
from commerce.product import PRODUCT, ProductUnknown
from commerce.stock import STOCK, Adjust, Confirm, Place, Reserve, Ship, Wanted
from commerce.store import STORE
from commerce.stores_messages import PurchaseRequest

CARRIER = "till"
MOST_AT_ONCE = 10  # returns of one receipt that are paid back in one sum
FAST_CLOCKS = timedelta(minutes=5)


class PaidInTheFuture(Rejected):
    """The till's clock is wrong: nothing is paid before it happens."""

    code = "paid_in_the_future"
    status = 422


class PurchaseUnknown(NotFound):
    """The store has no such receipt."""

    code = "purchase_unknown"


class BuyerNamedTwice(Rejected):
    """A buyer is known by a phone or by a person."""

    code = "buyer_named_twice"
    status = 422


def order_of(tenant: str, store_id: str, receipt_no: str) -> UUID:
    """Return the one order of a receipt, so that telling of it twice changes nothing."""
    return derived_id("store purchase", tenant, store_id, receipt_no)


def record(work: UnitOfWork, store_id: str, wanted: PurchaseRequest) -> tuple[UUID, Loaded[Order]]:
    """Take note of a purchase: placed, paid, handed over and completed in one moment.

    Raises:
        StoreUnknown: nobody described the store.
        ProductUnknown: a product is not in the catalogue.
        OrderKeyReused: the receipt is known with another content.
        PaidInTheFuture: the till's clock is wrong.
        BuyerNamedTwice: a phone and a person are named.
    """
    # A receipt is told over many streams: read while another till tells the same one, they would
    # be of two moments, and the second telling would be refused for what the first one did.
    persons.one_at_a_time(work.db, work.tenant, f"store-{store_id}")
    order_id = order_of(work.tenant, store_id, wanted.receipt_no)
    # A stream's place in the transaction is where it was opened: the money comes before the order
    # that it pays, or the order would stand unpaid at some position of the log.
    work.load(PAYMENT, payment_of(order_id))
    fresh = work.load(ORDER, order_id).state.placed is None
    if fresh:
        _acceptable(work, store_id, wanted)
    command = _placing(work, order_id, store_id, wanted)
    placed = work.execute(ORDER, order_id, command).state.placed
    if fresh and placed is not None:
        _hand_over(work, placed)
    return order_id, work.load(ORDER, order_id)


def pay_back(work: UnitOfWork, order_id: UUID, amount: Money) -> None:
    """Note that a till gave money back that had been asked for.

    Raises:
        PurchaseUnknown: the store has no such receipt.
        RefundUnknown: no refunds that come to this amount are waiting; goods are taken back first.
    """
    if work.load(ORDER, order_id).state.placed is None:
        raise PurchaseUnknown("There is no such receipt.")
    payment = work.load(PAYMENT, payment_of(order_id)).state
    made = _coming_to(payment.asked, amount.amount)
    if not made:
        raise RefundUnknown("Take the goods back first; the money is asked for then.")
    for refund_id in made:
        answer = payment_commands.NoteRefunded(
            callback_id=f"till:{refund_id}",
            amount=replace(amount, amount=payment.asked[refund_id]),
            at=work.now,
            refund_id=refund_id,
        )
        work.execute(PAYMENT, payment_of(order_id), answer)


def _coming_to(asked: Mapping[UUID, int], amount: int) -> Sequence[UUID]:
    """Return the fewest refunds that come to a sum; a till may pay several returns at once."""
    oldest = list(asked)[:MOST_AT_ONCE]
    together = chain.from_iterable(combinations(oldest, many) for many in range(1, len(oldest) + 1))
    return next((some for some in together if sum(asked[one] for one in some) == amount), ())


def _acceptable(work: UnitOfWork, store_id: str, wanted: PurchaseRequest) -> None:
    """Refuse before the first event; what a till sold is refused for nothing else."""
    not_a_drops(store_id)
    store.known(work.load(STORE, store_id).state)
    if wanted.phone_id and wanted.person_id:
        raise BuyerNamedTwice("Name the phone or the person, not both.")
    if wanted.paid_at > work.now + FAST_CLOCKS:
        raise PaidInTheFuture("Set the till's clock.")
    for line in wanted.lines:
        if work.load(PRODUCT, line.sku).state.title is None:
            raise ProductUnknown("List the product first.")


def _placing(
    work: UnitOfWork, order_id: UUID, store_id: str, wanted: PurchaseRequest
) -> PlaceOrder:
    body = schemas.dump(replace(wanted, occurred_at=None))
    return PlaceOrder(
        order_id=order_id,
        key=f"{store_id}:{wanted.receipt_no}",
        body_hash=digest_of(work.secret, repr(sorted(body.items())).encode()).hex(),
        person_id=_buyer(work, order_id, wanted),
        origin=Origin(platform="store", property=store_id, mode="store"),
        lines=tuple(
            OrderLine(sku=line.sku, qty=line.qty, price=line.price) for line in wanted.lines
        ),
        location=store_id,
        placed_at=wanted.paid_at,
        reserved_until=wanted.paid_at,
        payment_due_at=wanted.paid_at,
        payment_method=wanted.paid_with,
        external_ref=wanted.receipt_no,
    )


def _buyer(work: UnitOfWork, order_id: UUID, wanted: PurchaseRequest) -> str:
    """Return under whom a purchase is kept: who was forgotten, or is unknown, is nobody."""
    named = wanted.person_id
    if wanted.phone_id is not None:
        named = phone_owners.subject_of(work.db, work.tenant, wanted.phone_id)
    nobody = f"walk-in-{order_id}"
    return nobody if named is None or is_erased(work.keys, work.tenant, named) else named


def _hand_over(work: UnitOfWork, placed: OrderPlaced) -> None:
    lines = lines_of(placed, attempt=1)
    _take_from_stock(work, placed, lines)
    _take_money(work, placed)
    work.execute(ORDER, placed.order_id, ConfirmOrder(order_id=placed.order_id))
    request = fulfilment.RequestFulfilment(
        order_id=placed.order_id,
        person_id=placed.person_id,
        location=placed.location,
        lines=lines,
    )
    handed = fulfilment.ShipParcel(carrier=CARRIER, no=None)
    for step in (request, handed, fulfilment.Deliver()):
        work.execute(FULFILMENT, placed.order_id, step)
    work.execute(ORDER, placed.order_id, CompleteOrder(order_id=placed.order_id))


def _take_from_stock(
    work: UnitOfWork, placed: OrderPlaced, lines: Sequence[FulfilmentLine]
) -> None:
    by_place: dict[Place, list[Wanted]] = defaultdict(list)
    for line in lines:
        place = Place(sku=line.sku, location=placed.location)
        by_place[place].append(Wanted(reservation=line.reservation, qty=line.qty))
    for place, wanted in sorted(by_place.items(), key=lambda entry: entry[0].sku):
        _sold_at_till(work, place, placed.order_id, tuple(wanted), placed.placed_at)


def _sold_at_till(
    work: UnitOfWork, place: Place, order_id: UUID, wanted: tuple[Wanted, ...], at: datetime
) -> None:
    """Take goods out of stock that left the store; where our count was lower, it was wrong."""
    missing = sum(line.qty for line in wanted) - work.load(STOCK, place).state.available
    if missing > 0:
        work.execute(STOCK, place, Adjust(place=place, qty=missing, reason="sold_at_till"))
    names = tuple(line.reservation for line in wanted)
    work.execute(STOCK, place, Reserve(place=place, order_id=order_id, lines=wanted, expires_at=at))
    work.execute(STOCK, place, Confirm(place=place, reservations=names, at=at))
    work.execute(STOCK, place, Ship(place=place, lines=wanted))


def _take_money(work: UnitOfWork, placed: OrderPlaced) -> None:
    payment_id = payment_of(placed.order_id)
    begun = payment_commands.Initiate(
        payment_id=payment_id,
        order_id=placed.order_id,
        amount=placed.total,
        due_at=placed.payment_due_at,
    )
    paid = payment_commands.NoteCaptured(
        callback_id=f"till:{placed.key}", amount=placed.total, at=placed.placed_at
    )
    for step in (begun, paid):
        work.execute(PAYMENT, payment_id, step)
