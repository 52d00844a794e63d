"""What commerce is asked over HTTP, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import ValidationError, validate

from chassis.money import AskedMoney, Money
from chassis.schemas import Readable, Whole
from commerce.order_events import Condition, Origin, ReturnedLine
from commerce.product import HIGHEST_PRICE
from commerce.shop_events import LocalText, Medium
from commerce.stock import ONLINE

_POINTS = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
Sku = Annotated[str, Whole(_POINTS, error="Letters, digits, dot, dash, underscore.")]
Qty = Annotated[int, validate.Range(min=1, max=100_000)]
Text = Annotated[str, validate.Length(min=1, max=200), Readable()]
Subject = Annotated[str, Whole(r"^[\x21-\x7e]{1,100}$")]
CouponCode = Annotated[str, Whole(r"^[A-Za-z0-9-]{4,40}$", error="Letters, digits, dash.")]
MOST_LINES = 50


class Payable(validate.Validator):
    """An amount that somebody pays or gets back: above zero, and no more than a price may be."""

    def __call__(self, value: Money) -> Money:
        """Return the amount; raises ValidationError."""
        if not 0 < value.amount <= HIGHEST_PRICE:
            raise ValidationError(f"More than 0 and at most {HIGHEST_PRICE} minor units.")
        return value


Price = Annotated[AskedMoney, Payable()]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductRequest:
    """A product and the price it is offered at.

    Args:
        valid_from: From when; now if nothing else is said.
        per_person: How many one person may buy; any number if nothing is said.
    """

    sku: Sku
    title: Text
    list: AskedMoney
    sale: AskedMoney
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    per_person: Qty | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferView:
    """A price that will hold from a later moment on."""

    list: Money
    sale: Money
    valid_from: datetime
    valid_to: datetime | None
    per_person: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductView:
    """A product with the price that an order is charged by now; without one it is off sale."""

    sku: str
    title: str
    list: Money | None
    sale: Money | None
    valid_from: datetime | None
    valid_to: datetime | None
    per_person: int | None
    coming: tuple[OfferView, ...] = ()
    media: tuple[Medium, ...] = ()
    descriptions: tuple[LocalText, ...] = ()


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
    location: Sku = ONLINE
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
    price: AskedMoney | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRequest:
    """What somebody wants to buy.

    Args:
        person_id: Who: a person, or the account or visitor while the person is unknown.
        payment_method: The payment provider's token.
        location: Where the goods are taken from; of an entry's goods, its drop knows.
        lines: What; may be left out where ``cart_id`` says it.
        drop_entry: The entry in a drop that allows it.
        cart_id: The cart that becomes this order.
        coupon: A code that makes something cheaper; it is spent only where it does.
    """

    person_id: Subject
    origin: Origin
    lines: Annotated[tuple[LineRequest, ...], validate.Length(min=1, max=MOST_LINES)] = ()
    payment_method: Text
    location: Sku = ONLINE
    drop_entry: UUID | None = None
    cart_id: UUID | None = None
    coupon: CouponCode | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LineView:
    """A line of an order with what one piece costs."""

    sku: str
    qty: int
    price: Money
    promotion: str | None = None


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
    coupon: str | None = None


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
        refund_id: Which refund was made, or failed.
        sent_at: When the provider sent it; a repeat may differ in nothing else.
    """

    callback_id: Text
    payment_id: UUID
    kind: Literal[
        "authorized",
        "captured",
        "declined",
        "capture_failed",
        "voided",
        "refunded",
        "refund_failed",
    ]
    amount: Money
    reason: str | None = None
    refund_id: UUID | None = None
    sent_at: datetime


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
