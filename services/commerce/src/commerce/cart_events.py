"""What commerce records about carts: what somebody means to buy, and whether they do."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.events import registry
from commerce.order_events import Origin


@dataclass(frozen=True, kw_only=True, slots=True)
class LastEnquiry:
    """What a buyer asked last without having an answer yet."""

    case_id: UUID
    at: datetime


@registry.event("cart_opened", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CartOpened:
    """Somebody began to put goods together.

    Args:
        buyer: A person, or the account or visitor while the person is unknown.
    """

    cart_id: UUID
    buyer: str
    origin: Origin
    at: datetime


@registry.event("line_added", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LineAdded:
    """A product went into a cart; untouched ``until`` then, the cart counts as abandoned."""

    cart_id: UUID
    sku: str
    qty: int
    at: datetime
    until: datetime


@registry.event("line_changed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LineChanged:
    """There are so many pieces of a product in a cart now."""

    cart_id: UUID
    sku: str
    qty: int
    at: datetime
    until: datetime


@registry.event("line_removed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LineRemoved:
    """A product was taken out of a cart, all ``qty`` pieces of it."""

    cart_id: UUID
    sku: str
    qty: int
    at: datetime
    until: datetime


@registry.event("cart_reopened", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CartReopened:
    """Somebody came back to an abandoned cart."""

    cart_id: UUID
    at: datetime


@registry.event("cart_checked_out", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CartCheckedOut:
    """A cart became an order."""

    cart_id: UUID
    order_id: UUID
    at: datetime


@registry.event("cart_abandoned", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CartAbandoned:
    """Nobody touched a cart with goods in it for so many minutes.

    Args:
        last_enquiry: What the buyer had asked and was not answered, as far as known here then.
        minutes: Since the cart was touched last.
    """

    cart_id: UUID
    buyer: str
    last_enquiry: LastEnquiry | None
    minutes: int
    at: datetime


LineEvent = LineAdded | LineChanged | LineRemoved
CartEvent = CartOpened | LineEvent | CartReopened | CartCheckedOut | CartAbandoned
