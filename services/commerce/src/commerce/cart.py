"""Cart: what somebody means to buy, until it is ordered or left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from commerce.cart_events import (
    CartAbandoned,
    CartCheckedOut,
    CartEvent,
    CartOpened,
    CartReopened,
    LastEnquiry,
    LineAdded,
    LineChanged,
    LineRemoved,
)
from commerce.order_events import Origin

Status = Literal["none", "open", "abandoned", "checked_out"]
MOST_LINES = 50  # as many as an order may have


class CartUnknown(NotFound):
    """There is no such cart."""

    code = "cart_unknown"


class CartOrdered(Rejected):
    """A cart is ordered once; what comes later goes into a new one."""

    code = "cart_checked_out"


class CartFull(Rejected):
    """An order could not take another line."""

    code = "cart_full"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cart:
    """A cart as it stands.

    Args:
        until: When it counts as abandoned if nobody touches it.
    """

    status: Status = "none"
    opened: CartOpened | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    touched_at: datetime | None = None
    until: datetime | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCart:
    """Begin to put goods together."""

    cart_id: UUID
    buyer: str
    origin: Origin
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SetLine:
    """Have so many pieces of a product in the cart; 0 takes it out."""

    cart_id: UUID
    sku: str
    qty: int
    at: datetime
    until: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckOut:
    """Turn the cart into an order."""

    cart_id: UUID
    order_id: UUID
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Abandon:
    """Take note that nobody touched the cart for long enough."""

    cart_id: UUID
    last_enquiry: LastEnquiry | None
    at: datetime


CartCommand = OpenCart | SetLine | CheckOut | Abandon


def decide(cart: Cart, command: CartCommand) -> Sequence[CartEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case OpenCart():
            return _open(cart, command)
        case SetLine():
            return _set_line(cart, command)
        case CheckOut():
            return _check_out(cart, command)
        case Abandon():
            return _abandon(cart, command)
        case _:
            assert_never(command)


def evolve(cart: Cart, event: CartEvent) -> Cart:
    """Apply one fact."""
    match event:
        case CartOpened():
            return replace(cart, status="open", opened=event)
        case LineAdded() | LineChanged() | LineRemoved():
            qty = 0 if isinstance(event, LineRemoved) else event.qty
            lines = _with(cart.lines, event.sku, qty)
            return replace(cart, lines=lines, touched_at=event.at, until=event.until)
        case CartReopened():
            return replace(cart, status="open")
        case CartCheckedOut():
            return replace(cart, status="checked_out", order_id=event.order_id)
        case CartAbandoned():
            return replace(cart, status="abandoned")
        case _:
            assert_never(event)


def opened(cart: Cart) -> CartOpened:
    """Return how a cart began.

    Raises:
        CartUnknown: it never did.
    """
    if cart.opened is None:
        raise CartUnknown("There is no such cart; open one.")
    return cart.opened


def _open(cart: Cart, command: OpenCart) -> Sequence[CartEvent]:
    if cart.opened is not None:
        return []
    return [
        CartOpened(
            cart_id=command.cart_id, buyer=command.buyer, origin=command.origin, at=command.at
        )
    ]


def _set_line(cart: Cart, command: SetLine) -> Sequence[CartEvent]:
    opened(cart)
    if cart.status == "checked_out":
        raise CartOrdered("This cart is ordered already; open a new one.")
    had = cart.lines.get(command.sku, 0)
    if not had and command.qty and len(cart.lines) == MOST_LINES:
        raise CartFull(f"A cart has at most {MOST_LINES} products; order these first.")
    changed = _line(command, had)
    if changed and cart.status == "abandoned":
        return [CartReopened(cart_id=command.cart_id, at=command.at), *changed]
    return changed


def _line(command: SetLine, had: int) -> Sequence[CartEvent]:
    if had == command.qty:
        return []
    kind = LineRemoved if command.qty == 0 else LineChanged if had else LineAdded
    return [
        kind(
            cart_id=command.cart_id,
            sku=command.sku,
            qty=command.qty or had,
            at=command.at,
            until=command.until,
        )
    ]


def _check_out(cart: Cart, command: CheckOut) -> Sequence[CartEvent]:
    opened(cart)
    if cart.order_id == command.order_id:
        return []
    if cart.order_id is not None:
        raise CartOrdered(f"This cart is order {cart.order_id} already; open a new one.")
    return [CartCheckedOut(cart_id=command.cart_id, order_id=command.order_id, at=command.at)]


def _abandon(cart: Cart, command: Abandon) -> Sequence[CartEvent]:
    if cart.status != "open" or not cart.lines or cart.until is None or cart.touched_at is None:
        return []
    if command.at < cart.until:
        return []
    return [
        CartAbandoned(
            cart_id=command.cart_id,
            buyer=opened(cart).buyer,
            last_enquiry=command.last_enquiry,
            minutes=(command.at - cart.touched_at) // timedelta(minutes=1),
            at=command.at,
        )
    ]


def _with(lines: Mapping[str, int], sku: str, qty: int) -> Mapping[str, int]:
    kept = {name: pieces for name, pieces in lines.items() if name != sku or qty}
    return {**kept, sku: qty} if qty else kept


CART: Decider[Cart, CartCommand, CartEvent] = Decider(
    category="cart", initial=Cart(), decide=decide, evolve=evolve
)
