"""Fold carts into the rows that their report is made of."""

from uuid import UUID

from chassis.changes import Change, Changes, Row, delete, insert, put, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce import cart_events
from commerce.cart_tables import cart_buyers, cart_lines, carts

buyers = Projection(
    "cart_buyers", [cart_buyers], also_written="an erasure deletes a person's carts from it"
)
left_behind = Projection("carts", [carts, cart_lines])


@buyers.fold(cart_events.CartOpened)
def note_buyer(event: cart_events.CartOpened, stored: Envelope) -> Changes:
    """Note whose cart it is, apart from the rest, so that it can be forgotten at once."""
    yield insert(cart_buyers, **_cart(stored, event.cart_id), buyer=event.buyer)


@left_behind.fold(cart_events.CartOpened)
def show_cart(event: cart_events.CartOpened, stored: Envelope) -> Changes:
    """Count a new cart."""
    yield insert(
        carts,
        **_cart(stored, event.cart_id),
        platform=event.origin.platform,
        property=event.origin.property,
        opened_at=micros(event.at),
        touched_at=micros(event.at),
        status="open",
        came_back=0,
    )


@left_behind.fold(cart_events.LineAdded)
def show_line(event: cart_events.LineAdded, stored: Envelope) -> Changes:
    """Put a product into the cart."""
    yield from _line(event, stored)


@left_behind.fold(cart_events.LineChanged)
def change_line(event: cart_events.LineChanged, stored: Envelope) -> Changes:
    """Show how many pieces there are now."""
    yield from _line(event, stored)


@left_behind.fold(cart_events.LineRemoved)
def drop_line(event: cart_events.LineRemoved, stored: Envelope) -> Changes:
    """Take a product out of the cart."""
    place = _cart(stored, event.cart_id)
    yield delete(cart_lines, {**place, "sku": event.sku})
    yield update(carts, place, touched_at=micros(event.at))


@left_behind.fold(cart_events.CartReopened)
def come_back(event: cart_events.CartReopened, stored: Envelope) -> Changes:
    """Count a cart as open again, and that its buyer came back."""
    yield Change(carts, _cart(stored, event.cart_id), _reopened)


@left_behind.fold(cart_events.CartCheckedOut)
def check_out(event: cart_events.CartCheckedOut, stored: Envelope) -> Changes:
    """Count a cart as ordered, whether it had been left before or not."""
    place, at = _cart(stored, event.cart_id), micros(event.at)
    order_id = str(event.order_id)

    def ordered(row: Row | None) -> Row | None:
        back = _reopened(row) if row and row["status"] == "abandoned" else row
        done = {"status": "checked_out", "order_id": order_id, "touched_at": at}
        return {**back, **done} if back else None

    yield Change(carts, place, ordered)


@left_behind.fold(cart_events.CartAbandoned)
def leave(event: cart_events.CartAbandoned, stored: Envelope) -> Changes:
    """Count a cart as left behind, with what its buyer was not answered."""
    asked = event.last_enquiry
    yield update(
        carts,
        _cart(stored, event.cart_id),
        status="abandoned",
        abandoned_at=micros(event.at),
        enquiry_case=str(asked.case_id) if asked else None,
        enquiry_at=micros(asked.at) if asked else None,
    )


def _line(event: cart_events.LineAdded | cart_events.LineChanged, stored: Envelope) -> Changes:
    place = _cart(stored, event.cart_id)
    yield put(cart_lines, **place, sku=event.sku, qty=event.qty)
    yield update(carts, place, touched_at=micros(event.at))


def _reopened(row: Row | None) -> Row | None:
    if row is None:
        return None
    gone = {"abandoned_at": None, "enquiry_case": None, "enquiry_at": None}
    return {**row, **gone, "status": "open", "came_back": row["came_back"] + 1}


def _cart(stored: Envelope, cart_id: UUID) -> dict[str, str]:
    return {"tenant": stored.tenant, "cart_id": str(cart_id)}
