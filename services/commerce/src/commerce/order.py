"""Order: what somebody wants to buy, from where they came, and whether the sale stands."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import add
from typing import Literal, assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from chassis.money import Money
from commerce.order_events import (
    OrderCancelled,
    OrderCompleted,
    OrderConfirmed,
    OrderEvent,
    OrderExpired,
    OrderLine,
    OrderPlaced,
    OrderRepriced,
    Origin,
)

# A report adds a hundred thousand of the largest orders up before it leaves 64 bits.
HIGHEST_TOTAL = 90_000_000_000_000
Status = Literal["none", "placed", "confirmed", "completed", "cancelled", "expired"]


class OrderUnknown(NotFound):
    """There is no such order."""

    code = "order_unknown"


class OrderKeyReused(Rejected):
    """The key belongs to an order with another content."""

    code = "order_key_reused"
    status = 422


class NothingOrdered(Rejected):
    """An order has at least one line."""

    code = "nothing_ordered"
    status = 422


class SeveralCurrencies(Rejected):
    """One order is paid in one currency."""

    code = "several_currencies"
    status = 422


class AlreadyConfirmed(Rejected):
    """A paid order is not cancelled any more; its goods are sent back."""

    code = "already_confirmed"


class OrderTooLarge(Rejected):
    """A report adds many orders up, in 64 bits."""

    code = "order_too_large"
    status = 422


class OrderWithdrawn(Rejected):
    """The order was cancelled before it could be confirmed."""

    code = "order_withdrawn"


class PriceStands(Rejected):
    """Our own shop sells at the price that the buyer saw."""

    code = "price_stands"


class GoodsDiffer(Rejected):
    """A new price is of the same goods."""

    code = "goods_differ"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An order as it stands.

    Args:
        placed: How it began, at the prices that hold now.
    """

    status: Status = "none"
    placed: OrderPlaced | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaceOrder:
    """Order goods at the prices that hold now."""

    order_id: UUID
    key: str
    body_hash: str
    person_id: str
    origin: Origin
    lines: tuple[OrderLine, ...]
    location: str
    placed_at: datetime
    reserved_until: datetime
    payment_due_at: datetime
    payment_method: str | None
    drop_entry: UUID | None = None
    coupon: str | None = None
    external_ref: str | None = None
    answer_within: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RepriceOrder:
    """Let a marketplace's unpaid order cost what its seller says now.

    One that expired or was cancelled takes it as well: its buyer may still pay, and that money
    is given back or brings the order back.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfirmOrder:
    """Let the sale stand: goods and money are here."""

    order_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelOrder:
    """Take an order back that is not paid yet, because somebody asks for it.

    One that expired takes it as well: money that comes for it later is given back.
    """

    order_id: UUID
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallOff:
    """Give an order up that cannot be carried out."""

    order_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpireOrder:
    """Stop waiting for the money."""

    order_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class CompleteOrder:
    """Close an order whose goods arrived."""

    order_id: UUID


OrderCommand = (
    PlaceOrder | RepriceOrder | ConfirmOrder | CancelOrder | CallOff | ExpireOrder | CompleteOrder
)


def decide(order: Order, command: OrderCommand) -> Sequence[OrderEvent]:
    """Turn a command into facts, or refuse it."""
    events: Sequence[OrderEvent]
    match command:
        case PlaceOrder():
            events = _place(order, command)
        case RepriceOrder():
            events = _reprice(order, command)
        case ConfirmOrder():
            events = _confirm(order)
        case CancelOrder():
            events = _cancel(order, command)
        case CallOff():
            events = _call_off(order, command)
        case ExpireOrder(order_id=order_id):
            events = [OrderExpired(order_id=order_id)] if order.status == "placed" else []
        case CompleteOrder(order_id=order_id):
            events = [OrderCompleted(order_id=order_id)] if order.status == "confirmed" else []
        case _:
            assert_never(command)
    return events


def evolve(order: Order, event: OrderEvent) -> Order:
    """Apply one fact."""
    match event:
        case OrderPlaced() | OrderRepriced():
            return _costing(order, event)
        case OrderConfirmed():
            return replace(order, status="confirmed")
        case OrderCancelled():
            return replace(order, status="cancelled", reason=event.reason)
        case OrderExpired():
            return replace(order, status="expired")
        case OrderCompleted():
            return replace(order, status="completed")
        case _:
            assert_never(event)


def _costing(order: Order, event: OrderPlaced | OrderRepriced) -> Order:
    if isinstance(event, OrderPlaced):
        return Order(status="placed", placed=event)
    return replace(order, placed=replace(placed(order), lines=event.lines, total=event.total))


def placed(order: Order) -> OrderPlaced:
    """Return how an order began, at the prices that hold now.

    Raises:
        OrderUnknown: it never did.
    """
    if order.placed is None:
        raise OrderUnknown("There is no such order.")
    return order.placed


def _place(order: Order, command: PlaceOrder) -> Sequence[OrderEvent]:
    if order.placed is not None:
        if order.placed.body_hash != command.body_hash:
            raise OrderKeyReused("This key belongs to another order.")
        return []
    return [
        OrderPlaced(
            order_id=command.order_id,
            key=command.key,
            body_hash=command.body_hash,
            person_id=command.person_id,
            origin=command.origin,
            lines=command.lines,
            total=_total(command.lines),
            location=command.location,
            placed_at=command.placed_at,
            reserved_until=command.reserved_until,
            payment_due_at=command.payment_due_at,
            payment_method=command.payment_method,
            drop_entry=command.drop_entry,
            coupon=command.coupon,
            external_ref=command.external_ref,
            answer_within=command.answer_within,
        )
    ]


def _reprice(order: Order, command: RepriceOrder) -> Sequence[OrderRepriced]:
    made = placed(order)
    if made.origin.mode != "marketplace":
        raise PriceStands("Cancel it, and let the buyer order again.")
    if order.status in {"confirmed", "completed"}:
        raise AlreadyConfirmed("It is paid; give money back at the marketplace instead.")
    if command.lines == made.lines:
        return []
    if _pieces(command.lines) != _pieces(made.lines):
        raise GoodsDiffer("Close the trade at the marketplace; other goods are another trade.")
    total = _total(command.lines)
    return [OrderRepriced(order_id=made.order_id, lines=command.lines, total=total)]


def _pieces(lines: Sequence[OrderLine]) -> Counter[str]:
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line.sku] += line.qty
    return pieces


def _total(lines: Sequence[OrderLine]) -> Money:
    if not lines:
        raise NothingOrdered("Order something.")
    if len({line.price.currency for line in lines}) > 1:
        raise SeveralCurrencies("Order the goods of each currency by themselves.")
    total = reduce(add, (line.price * line.qty for line in lines))
    if total.amount > HIGHEST_TOTAL:
        raise OrderTooLarge(f"Order for at most {HIGHEST_TOTAL} minor units at a time.")
    return total


def _confirm(order: Order) -> Sequence[OrderEvent]:
    made = placed(order)
    if order.status == "cancelled":
        raise OrderWithdrawn("It was cancelled.")
    if order.status in {"confirmed", "completed"}:
        return []
    return [
        OrderConfirmed(
            order_id=made.order_id,
            person_id=made.person_id,
            total=made.total,
            origin=made.origin,
        )
    ]


def _cancel(order: Order, command: CancelOrder) -> Sequence[OrderEvent]:
    made = placed(order)
    if order.status in {"confirmed", "completed"}:
        raise AlreadyConfirmed("It is paid; send the goods back instead.")
    if order.status not in {"placed", "expired"}:  # money may still come for an expired one
        return []
    return [OrderCancelled(order_id=made.order_id, by=command.by, reason=command.reason)]


def _call_off(order: Order, command: CallOff) -> Sequence[OrderEvent]:
    if order.status not in {"placed", "confirmed"}:
        return []
    return [OrderCancelled(order_id=command.order_id, by="process", reason=command.reason)]


ORDER: Decider[Order, OrderCommand, OrderEvent] = Decider(
    category="order", initial=Order(), decide=decide, evolve=evolve
)
