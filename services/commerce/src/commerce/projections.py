"""Fold commerce's events into its read models."""

from collections import Counter
from uuid import UUID

from chassis.changes import Change, Changes, Row, insert, plus, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.money import Money
from chassis.projections import Projection
from commerce import events, order_events, payment_events
from commerce.tables import available, board, money, offers, person_orders, products

purchases = Projection(
    "person_orders", [person_orders], also_written="an erasure deletes a person's orders from it"
)
catalogue = Projection("products", [products])
pricing = Projection("product_offers", [offers])
stock = Projection("available_to_sell", [available])
orders = Projection("order_board", [board])
balance = Projection("money_of_orders", [money])

StockEvent = (
    events.StockReceived
    | events.StockAdjusted
    | events.StockReserved
    | events.ReservationConfirmed
    | events.ReservationReleased
    | events.ReservationExpired
    | events.StockShipped
)


@purchases.fold(order_events.OrderPlaced)
def count_purchase(event: order_events.OrderPlaced, stored: Envelope) -> Changes:
    """Count an order for its buyer from the moment it is placed."""
    pieces: Counter[str] = Counter()
    for line in event.lines:
        pieces[line.sku] += line.qty
    for sku, qty in pieces.items():
        yield insert(
            person_orders,
            **_order(stored, event.order_id),
            sku=sku,
            person_id=event.person_id,
            qty=qty,
            counts=True,
        )


@purchases.fold(order_events.OrderConfirmed)
def count_again(event: order_events.OrderConfirmed, stored: Envelope) -> Changes:
    """Count an expired order again that a late payment brought back."""
    yield update(person_orders, _order(stored, event.order_id), counts=True)


@purchases.fold(order_events.OrderCancelled)
def forgive_cancelled(event: order_events.OrderCancelled, stored: Envelope) -> Changes:
    """Leave the buyer of a cancelled order free to order again."""
    yield update(person_orders, _order(stored, event.order_id), counts=False)


@purchases.fold(order_events.OrderExpired)
def forgive_expired(event: order_events.OrderExpired, stored: Envelope) -> Changes:
    """Leave the buyer of an unpaid order free to order again."""
    yield update(person_orders, _order(stored, event.order_id), counts=False)


@catalogue.fold(events.ProductListed)
def list_product(event: events.ProductListed, stored: Envelope) -> Changes:
    """Show a new product."""
    yield insert(products, tenant=stored.tenant, sku=event.sku, title=event.title)


@catalogue.fold(events.OfferPriced)
def note_newest_price(event: events.OfferPriced, stored: Envelope) -> Changes:
    """Show the newest price to the version before, which knows no others."""
    yield update(
        products,
        {"tenant": stored.tenant, "sku": event.sku},
        list_amount=event.list.amount,
        sale_amount=event.sale.amount,
        currency=event.sale.currency,
        valid_from=micros(event.valid_from),
        valid_to=None if event.valid_to is None else micros(event.valid_to),
        per_person=event.per_person,
    )


@pricing.fold(events.OfferPriced)
def price_product(event: events.OfferPriced, stored: Envelope) -> Changes:
    """Note a price beside those before it, of which it need not be the one that holds."""
    yield insert(
        offers,
        tenant=stored.tenant,
        sku=event.sku,
        nth=stored.version,
        list_amount=event.list.amount,
        sale_amount=event.sale.amount,
        currency=event.sale.currency,
        valid_from=micros(event.valid_from),
        valid_to=micros(event.valid_to) if event.valid_to else None,
        per_person=event.per_person,
    )


@pricing.fold(events.OffersWithdrawn)
def withdraw_product(event: events.OffersWithdrawn, stored: Envelope) -> Changes:
    """Note that the prices before hold no more."""
    yield insert(
        offers,
        tenant=stored.tenant,
        sku=event.sku,
        nth=stored.version,
        list_amount=None,
        sale_amount=None,
        currency=None,
        valid_from=micros(event.at),
        valid_to=None,
        per_person=None,
    )


@stock.fold(events.StockReceived)
def add_stock(event: events.StockReceived, stored: Envelope) -> Changes:
    """Add a delivery to what can be sold."""
    yield _move(stored, event, on_hand=event.qty)


@stock.fold(events.StockAdjusted)
def adjust_stock(event: events.StockAdjusted, stored: Envelope) -> Changes:
    """Correct what can be sold."""
    yield _move(stored, event, on_hand=event.qty)


@stock.fold(events.StockReserved)
def hold_stock(event: events.StockReserved, stored: Envelope) -> Changes:
    """Take held goods out of what can be sold."""
    yield _move(stored, event, reserved=event.qty)


@stock.fold(events.ReservationConfirmed)
def confirm_stock(event: events.ReservationConfirmed, stored: Envelope) -> Changes:
    """Keep confirmed goods for good."""
    yield _move(stored, event, reserved=-event.qty, confirmed=event.qty)


@stock.fold(events.ReservationReleased)
def release_stock(event: events.ReservationReleased, stored: Envelope) -> Changes:
    """Put released goods back on sale."""
    yield _move(stored, event, **{"confirmed" if event.confirmed else "reserved": -event.qty})


@stock.fold(events.ReservationExpired)
def expire_stock(event: events.ReservationExpired, stored: Envelope) -> Changes:
    """Put goods back on sale that nobody paid."""
    yield _move(stored, event, reserved=-event.qty)


@stock.fold(events.StockShipped)
def ship_stock(event: events.StockShipped, stored: Envelope) -> Changes:
    """Remove shipped goods."""
    yield _move(stored, event, on_hand=-event.qty, confirmed=-event.qty)


@orders.fold(order_events.OrderPlaced)
def show_order(event: order_events.OrderPlaced, stored: Envelope) -> Changes:
    """Put a new order on the board."""
    yield insert(
        board,
        **_order(stored, event.order_id),
        placed_at=micros(event.placed_at),
        status="placed",
        platform=event.origin.platform,
        property=event.origin.property,
        mode=event.origin.mode,
        total=event.total.amount,
        currency=event.total.currency,
    )


@orders.fold(order_events.OrderRepriced)
def show_repriced(event: order_events.OrderRepriced, stored: Envelope) -> Changes:
    """Show what an order costs now."""
    yield update(board, _order(stored, event.order_id), total=event.total.amount)


@orders.fold(order_events.OrderConfirmed)
def show_confirmed(event: order_events.OrderConfirmed, stored: Envelope) -> Changes:
    """Mark a sale that stands."""
    yield _status(stored, event.order_id, "confirmed")


@orders.fold(order_events.OrderCancelled)
def show_cancelled(event: order_events.OrderCancelled, stored: Envelope) -> Changes:
    """Mark an order without a sale, and why."""
    yield _status(stored, event.order_id, "cancelled", event.reason)


@orders.fold(order_events.OrderExpired)
def show_expired(event: order_events.OrderExpired, stored: Envelope) -> Changes:
    """Mark an order that nobody paid."""
    yield _status(stored, event.order_id, "expired")


@orders.fold(order_events.OrderCompleted)
def show_completed(event: order_events.OrderCompleted, stored: Envelope) -> Changes:
    """Mark an order whose goods arrived."""
    yield _status(stored, event.order_id, "completed")


@balance.fold(order_events.OrderPlaced)
def open_account(event: order_events.OrderPlaced, stored: Envelope) -> Changes:
    """Book what an order costs."""
    yield book(stored, event.order_id, event.total, total=event.total.amount)


@balance.fold(order_events.OrderRepriced)
def cost_otherwise(event: order_events.OrderRepriced, stored: Envelope) -> Changes:
    """Expect what an order costs now."""
    yield update(money, _order(stored, event.order_id), total=event.total.amount)


@balance.fold(order_events.OrderConfirmed)
def owe(event: order_events.OrderConfirmed, stored: Envelope) -> Changes:
    """Expect the order's money from now on."""
    yield update(money, _order(stored, event.order_id), stands=True, called_off=False)


@balance.fold(order_events.OrderCancelled)
def owe_nothing(event: order_events.OrderCancelled, stored: Envelope) -> Changes:
    """Expect none of the order's money from now on."""
    yield update(money, _order(stored, event.order_id), stands=False, called_off=True)


@balance.fold(order_events.ReturnReceived)
def take_back(event: order_events.ReturnReceived, stored: Envelope) -> Changes:
    """Take what came back off what is to be paid."""
    yield book(stored, event.order_id, event.value, returned=event.value.amount)


@balance.fold(payment_events.PaymentCaptured)
def take(event: payment_events.PaymentCaptured, stored: Envelope) -> Changes:
    """Add money that was taken."""
    yield book(stored, event.order_id, event.amount, captured=event.amount.amount)


@balance.fold(payment_events.LatePaymentReceived)
def take_late(event: payment_events.LatePaymentReceived, stored: Envelope) -> Changes:
    """Add money that came late; what is only set aside isn't ours."""
    if event.captured:
        yield book(stored, event.order_id, event.amount, captured=event.amount.amount)


@balance.fold(payment_events.RefundRequested)
def promise_back(event: payment_events.RefundRequested, stored: Envelope) -> Changes:
    """Note money on its way back."""
    yield book(stored, event.order_id, event.amount, refunding=event.amount.amount)


@balance.fold(payment_events.PaymentRefunded)
def give_back(event: payment_events.PaymentRefunded, stored: Envelope) -> Changes:
    """Note money that went back."""
    amount = event.amount.amount
    awaited = amount if event.awaited else 0
    yield book(stored, event.order_id, event.amount, refunding=-awaited, refunded=amount)


@balance.fold(payment_events.PaymentRefundFailed)
def owe_again(event: payment_events.PaymentRefundFailed, stored: Envelope) -> Changes:
    """Owe money again that did not go back, also where its order had merely expired."""
    yield book(stored, event.order_id, event.amount, refunding=-event.amount.amount)
    yield Change(money, _order(stored, event.order_id), _not_ours)


def _order(stored: Envelope, order_id: UUID) -> dict[str, str]:
    return {"tenant": stored.tenant, "order_id": str(order_id)}


def book(stored: Envelope, order_id: UUID, value: Money, **amounts: int) -> Change:
    """Add to an order's account, and begin it with whatever comes first.

    Payments and returns have streams of their own: they do not wait while the order is parked.
    """
    place = _order(stored, order_id)
    counts = dict.fromkeys(("total", "returned", "captured", "refunding", "refunded"), 0)
    empty = {**place, "currency": value.currency, "stands": False, "called_off": False, **counts}
    return Change(money, place, lambda row: plus(row or empty, amounts))


def _not_ours(row: Row | None) -> Row | None:
    """Take an order that does not stand for called off: what was taken for it is to go back."""
    return {**row, "called_off": not row["stands"]} if row else None


def _move(stored: Envelope, event: StockEvent, **amounts: int) -> Change:
    place = {"tenant": stored.tenant, "sku": event.sku, "location": event.location}
    empty = {**place, "on_hand": 0, "reserved": 0, "confirmed": 0}

    def moved(row: Row | None) -> Row:
        return plus(row or empty, amounts)

    return Change(available, place, moved)


def _status(stored: Envelope, order_id: UUID, status: str, reason: str | None = None) -> Change:
    return update(board, _order(stored, order_id), status=status, reason=reason)
