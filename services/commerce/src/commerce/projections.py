"""Fold commerce's events into its read models."""

from collections import Counter
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, and_, insert, update

from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.insertion import insert_once
from chassis.projections import Projection
from commerce import events, order_events, payment_events
from commerce.tables import available, board, money, person_orders, products

purchases = Projection("person_orders", tables=("person_orders",))
catalogue = Projection("products", tables=("products",))
stock = Projection("available_to_sell", tables=("available_to_sell",))
orders = Projection("order_board", tables=("order_board",))
balance = Projection("money_of_orders", tables=("money_of_orders",))


@purchases.on(order_events.OrderPlaced)
def count_purchase(event: order_events.OrderPlaced, stored: Envelope, db: Connection) -> None:
    """Count an order for its buyer from the moment it is placed."""
    pieces: Counter[str] = Counter()
    for line in event.lines:
        pieces[line.sku] += line.qty
    for sku, qty in pieces.items():
        row = {"tenant": stored.tenant, "order_id": str(event.order_id), "sku": sku}
        db.execute(
            insert(person_orders).values(**row, person_id=event.person_id, qty=qty, counts=True)
        )


@purchases.on(order_events.OrderConfirmed)
def count_again(event: order_events.OrderConfirmed, stored: Envelope, db: Connection) -> None:
    """Count an expired order again that a late payment brought back."""
    _counts(db, stored, event.order_id, counts=True)


@purchases.on(order_events.OrderCancelled)
def forgive_cancelled(event: order_events.OrderCancelled, stored: Envelope, db: Connection) -> None:
    """Leave the buyer of a cancelled order free to order again."""
    _counts(db, stored, event.order_id, counts=False)


@purchases.on(order_events.OrderExpired)
def forgive_expired(event: order_events.OrderExpired, stored: Envelope, db: Connection) -> None:
    """Leave the buyer of an unpaid order free to order again."""
    _counts(db, stored, event.order_id, counts=False)


@catalogue.on(events.ProductListed)
def list_product(event: events.ProductListed, stored: Envelope, db: Connection) -> None:
    """Show a new product, without a price."""
    db.execute(insert(products).values(tenant=stored.tenant, sku=event.sku, title=event.title))


@catalogue.on(events.OfferPriced)
def price_product(event: events.OfferPriced, stored: Envelope, db: Connection) -> None:
    """Replace the price by the newest."""
    mine = and_(products.c.tenant == stored.tenant, products.c.sku == event.sku)
    db.execute(
        update(products)
        .where(mine)
        .values(
            list_amount=event.list.amount,
            sale_amount=event.sale.amount,
            currency=event.sale.currency,
            valid_from=micros(event.valid_from),
            valid_to=micros(event.valid_to) if event.valid_to else None,
            per_person=event.per_person,
        )
    )


@stock.on(events.StockReceived)
def add_stock(event: events.StockReceived, stored: Envelope, db: Connection) -> None:
    """Add a delivery to what can be sold."""
    _move(db, stored, event, on_hand=event.qty)


@stock.on(events.StockAdjusted)
def adjust_stock(event: events.StockAdjusted, stored: Envelope, db: Connection) -> None:
    """Correct what can be sold."""
    _move(db, stored, event, on_hand=event.qty)


@stock.on(events.StockReserved)
def hold_stock(event: events.StockReserved, stored: Envelope, db: Connection) -> None:
    """Take held goods out of what can be sold."""
    _move(db, stored, event, reserved=event.qty)


@stock.on(events.ReservationConfirmed)
def confirm_stock(event: events.ReservationConfirmed, stored: Envelope, db: Connection) -> None:
    """Keep confirmed goods for good."""
    _move(db, stored, event, reserved=-event.qty, confirmed=event.qty)


@stock.on(events.ReservationReleased)
def release_stock(event: events.ReservationReleased, stored: Envelope, db: Connection) -> None:
    """Put released goods back on sale."""
    _move(db, stored, event, **{"confirmed" if event.confirmed else "reserved": -event.qty})


@stock.on(events.ReservationExpired)
def expire_stock(event: events.ReservationExpired, stored: Envelope, db: Connection) -> None:
    """Put goods back on sale that nobody paid."""
    _move(db, stored, event, reserved=-event.qty)


@stock.on(events.StockShipped)
def ship_stock(event: events.StockShipped, stored: Envelope, db: Connection) -> None:
    """Remove shipped goods."""
    _move(db, stored, event, on_hand=-event.qty, confirmed=-event.qty)


@orders.on(order_events.OrderPlaced)
def show_order(event: order_events.OrderPlaced, stored: Envelope, db: Connection) -> None:
    """Put a new order on the board."""
    db.execute(
        insert(board).values(
            tenant=stored.tenant,
            order_id=str(event.order_id),
            placed_at=micros(event.placed_at),
            status="placed",
            platform=event.origin.platform,
            property=event.origin.property,
            mode=event.origin.mode,
            total=event.total.amount,
            currency=event.total.currency,
        )
    )


@orders.on(order_events.OrderConfirmed)
def show_confirmed(event: order_events.OrderConfirmed, stored: Envelope, db: Connection) -> None:
    """Mark a sale that stands."""
    _status(db, stored, event.order_id, "confirmed")


@orders.on(order_events.OrderCancelled)
def show_cancelled(event: order_events.OrderCancelled, stored: Envelope, db: Connection) -> None:
    """Mark an order without a sale, and why."""
    _status(db, stored, event.order_id, "cancelled", event.reason)


@orders.on(order_events.OrderExpired)
def show_expired(event: order_events.OrderExpired, stored: Envelope, db: Connection) -> None:
    """Mark an order that nobody paid."""
    _status(db, stored, event.order_id, "expired")


@orders.on(order_events.OrderCompleted)
def show_completed(event: order_events.OrderCompleted, stored: Envelope, db: Connection) -> None:
    """Mark an order whose goods arrived."""
    _status(db, stored, event.order_id, "completed")


@balance.on(order_events.OrderPlaced)
def open_account(event: order_events.OrderPlaced, stored: Envelope, db: Connection) -> None:
    """Begin an order's account, without money."""
    zero = dict.fromkeys(("returned", "captured", "refunding", "refunded"), 0)
    db.execute(
        insert(money).values(
            tenant=stored.tenant,
            order_id=str(event.order_id),
            currency=event.total.currency,
            total=event.total.amount,
            stands=False,
            **zero,
        )
    )


@balance.on(order_events.OrderConfirmed)
def owe(event: order_events.OrderConfirmed, stored: Envelope, db: Connection) -> None:
    """Expect the order's money from now on."""
    _book(db, stored, event.order_id, stands=True)


@balance.on(order_events.OrderCancelled)
def owe_nothing(event: order_events.OrderCancelled, stored: Envelope, db: Connection) -> None:
    """Expect none of the order's money from now on."""
    _book(db, stored, event.order_id, stands=False)


@balance.on(order_events.ReturnReceived)
def take_back(event: order_events.ReturnReceived, stored: Envelope, db: Connection) -> None:
    """Take what came back off what is to be paid."""
    _book(db, stored, event.order_id, returned=money.c.returned + event.value.amount)


@balance.on(payment_events.PaymentCaptured)
def take(event: payment_events.PaymentCaptured, stored: Envelope, db: Connection) -> None:
    """Add money that was taken."""
    _book(db, stored, event.order_id, captured=money.c.captured + event.amount.amount)


@balance.on(payment_events.LatePaymentReceived)
def take_late(event: payment_events.LatePaymentReceived, stored: Envelope, db: Connection) -> None:
    """Add money that came late; what is only set aside isn't ours."""
    if event.captured:
        _book(db, stored, event.order_id, captured=money.c.captured + event.amount.amount)


@balance.on(payment_events.RefundRequested)
def promise_back(event: payment_events.RefundRequested, stored: Envelope, db: Connection) -> None:
    """Note money on its way back."""
    _book(db, stored, event.order_id, refunding=money.c.refunding + event.amount.amount)


@balance.on(payment_events.PaymentRefunded)
def give_back(event: payment_events.PaymentRefunded, stored: Envelope, db: Connection) -> None:
    """Note money that went back."""
    changes = {
        "refunding": money.c.refunding - event.amount.amount,
        "refunded": money.c.refunded + event.amount.amount,
    }
    _book(db, stored, event.order_id, **changes)


def _counts(db: Connection, stored: Envelope, order_id: UUID, *, counts: bool) -> None:
    row = person_orders.c
    mine = and_(row.tenant == stored.tenant, row.order_id == str(order_id))
    db.execute(update(person_orders).where(mine).values(counts=counts))


def _move(db: Connection, stored: Envelope, event: Any, **changes: int) -> None:
    key = {"tenant": stored.tenant, "sku": event.sku, "location": event.location}
    insert_once(db, available, {**key, "on_hand": 0, "reserved": 0, "confirmed": 0})
    row = available.c
    mine = and_(*(row[name] == value for name, value in key.items()))
    moved = {name: row[name] + by for name, by in changes.items()}
    db.execute(update(available).where(mine).values(moved))


def _status(
    db: Connection, stored: Envelope, order_id: UUID, status: str, reason: str | None = None
) -> None:
    row = board.c
    mine = and_(row.tenant == stored.tenant, row.order_id == str(order_id))
    db.execute(update(board).where(mine).values(status=status, reason=reason))


def _book(db: Connection, stored: Envelope, order_id: UUID, **changes: Any) -> None:
    row = money.c
    mine = and_(row.tenant == stored.tenant, row.order_id == str(order_id))
    db.execute(update(money).where(mine).values(changes))
