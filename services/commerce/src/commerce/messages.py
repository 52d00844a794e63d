"""What commerce is asked over HTTP, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from chassis.money import Money
from chassis.schemas import Whole
from commerce.order_events import Condition, Origin, ReturnedLine

_POINTS = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Sku = Annotated[str, Whole(_POINTS, error="Letters, digits, dot, dash, underscore.")]
Qty = Annotated[int, validate.Range(min=1, max=100_000)]
Text = Annotated[str, validate.Length(min=1, max=200)]
Subject = Annotated[str, Whole(r"^[\x21-\x7e]{1,100}$")]
MOST_LINES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductRequest:
    """A product and the price it is offered at.

    Args:
        valid_from: From when; now if nothing else is said.
        per_person: How many one person may buy; any number if nothing is said.
    """

    sku: Sku
    title: Text
    list: Money
    sale: Money
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    per_person: Qty | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductView:
    """A product with the newest price it was given."""

    sku: str
    title: str
    list: Money | None
    sale: Money | None
    valid_from: datetime | None
    valid_to: datetime | None
    per_person: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which page of a list."""

    limit: Annotated[int, validate.Range(min=1, max=200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductPage:
    """Some products, and where the next ones begin."""

    products: tuple[ProductView, ...]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiptRequest:
    """Goods that arrived."""

    sku: Sku
    location: Sku = "main"
    qty: Qty
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StockView:
    """What one location has of a product."""

    location: str
    on_hand: int
    reserved: int
    confirmed: int
    available: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AvailableView:
    """How many pieces of a product can be sold now."""

    sku: str
    available: int
    locations: tuple[StockView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRequest:
    """So many pieces; the price is the one the buyer saw, if it is given."""

    sku: Sku
    qty: Qty
    price: Money | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    """What somebody wants to buy.

    Args:
        person_id: Who: a person, or the account or visitor while the person is unknown.
        payment_method: The payment provider's token.
        location: Where the goods are taken from.
    """

    person_id: Subject
    origin: Origin
    lines: Annotated[tuple[LineRequest, ...], validate.Length(min=1, max=MOST_LINES)]
    payment_method: Text
    location: Sku = "main"
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LineView:
    """A line of an order with what one piece costs."""

    sku: str
    qty: int
    price: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentView:
    """Where the money is."""

    payment_id: UUID
    status: str
    captured: Money
    refunded: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderView:
    """An order as it stands."""

    order_id: UUID
    status: str
    reason: str | None
    origin: Origin
    lines: tuple[LineView, ...]
    total: Money
    placed_at: datetime
    payment: PaymentView | None
    fulfilment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OrdersWanted:
    """Which orders to list."""

    status: Literal["placed", "confirmed", "completed", "cancelled", "expired"] | None = None
    limit: Annotated[int, validate.Range(min=1, max=200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderSummary:
    """One row of the order board."""

    order_id: UUID
    status: str
    reason: str | None
    platform: str
    property: str
    mode: str
    total: Money
    placed_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPage:
    """Some orders, and where the next ones begin."""

    orders: tuple[OrderSummary, ...]
    next: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelRequest:
    """Why an order is taken back."""

    reason: Text
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ShipRequest:
    """Who carries the parcel, under which number."""

    carrier: Text
    no: Text | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Nothing but when it happened, if not now."""

    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FailRequest:
    """Why a parcel cannot be delivered."""

    reason: Text
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnLine(ReturnedLine):
    """So many pieces that came back."""

    sku: Sku
    qty: Qty


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnRequest:
    """What came back, and in which state."""

    lines: Annotated[tuple[ReturnLine, ...], validate.Length(min=1, max=MOST_LINES)]
    condition: Condition
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentView:
    """How far the goods of an order are."""

    order_id: UUID
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProviderCallback:
    """One piece of news from the payment provider.

    Args:
        callback_id: The provider's own id of it; the same again is no news.
        kind: What happened to the money.
        reason: Why it was declined.
        refund_id: Which refund was made.
        sent_at: When the provider sent it; a repeat may differ in nothing else.
    """

    callback_id: Text
    payment_id: UUID
    kind: Literal["authorized", "captured", "declined", "capture_failed", "voided", "refunded"]
    amount: Money
    reason: str | None = None
    refund_id: UUID | None = None
    sent_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class MoneyView:
    """Whether all money is where it belongs, in one currency's minor units.

    Args:
        paid_orders: What standing orders come to, without what was sent back.
        refunding: Promised back and still with the provider.
        difference: captured - refunded - refunding - paid_orders; 0 when all is right.
    """

    currency: str
    paid_orders: int
    captured: int
    refunded: int
    refunding: int
    difference: int


@dataclass(frozen=True, kw_only=True, slots=True)
class OrphansWanted:
    """Orders are listed that have stood still since this moment; by default for an hour."""

    before: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrphanView:
    """An order that is not finished and stands still."""

    process: str
    key: str
    advanced_at: datetime
    last: str
