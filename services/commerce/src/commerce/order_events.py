"""What commerce records about an order and the way of its goods to the buyer."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from marshmallow import validate

from chassis.money import Money
from chassis.privacy import Personal
from chassis.schemas import Readable
from commerce.events import registry

Mode = Literal["page", "web", "marketplace", "store"]
Condition = Literal["good", "damaged"]
Named = Annotated[str, validate.Length(min=1, max=200), Readable()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where an order comes from; a sale without an origin cannot be learned from.

    Args:
        platform: Where the buyer was: a social platform, a marketplace, the own site, a shop.
        property: Which page, account, shop or store of ours there.
        content: The piece of content that led to it, if one did.
        touch: The touch that led to it, if one is known.
        mode: The page's own shop, the web shop, a marketplace or a physical store.
    """

    platform: Named
    property: Named
    content: Named | None = None
    touch: Named | None = None
    mode: Mode


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderLine:
    """So many pieces of one product, at the price of one piece.

    Args:
        price: What the buyer pays for one, after any promotion.
        promotion: The id of the promotion that made it so.
    """

    sku: str
    qty: int
    price: Money
    promotion: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentLine:
    """A line of an order with the reservation that its goods were confirmed under."""

    reservation: str
    sku: str
    qty: int
    price: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnedLine:
    """So many pieces of one product that came back."""

    sku: str
    qty: int


@registry.event("order_placed", version=2, public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPlaced:
    """Somebody wants to buy; nothing is reserved or paid yet.

    Args:
        key: Of the request; the same key with another body is refused.
        body_hash: Keyed hash of the request.
        location: Where the goods are taken from.
        reserved_until: How long its goods are held.
        payment_due_at: Until when the buyer may pay.
        answer_within: For how many seconds the provider may leave a request unanswered; of an
            order that tells of the past it is not what is left until ``payment_due_at``.
        payment_method: The provider's token for the means of payment.
        drop_entry: The place in a limited sale that it was ordered under.
        coupon: The coupon that was given with it.
        external_ref: A marketplace's or a till's own number of it.
    """

    order_id: UUID
    key: str
    body_hash: str
    person_id: str
    origin: Origin
    lines: tuple[OrderLine, ...]
    total: Money
    location: str
    placed_at: datetime
    reserved_until: datetime
    payment_due_at: datetime
    payment_method: Annotated[str | None, Personal("person_id")]
    drop_entry: UUID | None = None
    coupon: str | None = None
    external_ref: str | None = None
    answer_within: int | None = None


@registry.upcaster("order_placed", from_version=1)
def order_placed_from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Lift an order of the time before limited sales, promotions and imported orders."""
    lines = [{**line, "promotion": None} for line in data["lines"]]
    new = dict.fromkeys(("drop_entry", "coupon", "external_ref", "answer_within"))
    return {**data, "lines": lines, **new}


@registry.event("order_repriced", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderRepriced:
    """The seller changed what a marketplace's order costs, before it was paid; never what it is of.

    Args:
        lines: All of the order's lines, in place of those that it was placed with: of each
            product as many pieces as before, perhaps split otherwise by their prices.
        total: What they come to.
    """

    order_id: UUID
    lines: tuple[OrderLine, ...]
    total: Money


@registry.event("order_confirmed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderConfirmed:
    """The goods are set aside and the money is here: the sale stands."""

    order_id: UUID
    person_id: str
    total: Money
    origin: Origin


@registry.event("order_cancelled", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCancelled:
    """There will be no sale; whatever was held or paid is given back."""

    order_id: UUID
    by: str
    reason: str


@registry.event("order_expired", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderExpired:
    """No money came in time."""

    order_id: UUID


@registry.event("order_completed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OrderCompleted:
    """The buyer has the goods and we have the money."""

    order_id: UUID


@registry.event("fulfilment_requested", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentRequested:
    """A paid order waits to be packed."""

    order_id: UUID
    person_id: str
    location: str
    lines: tuple[FulfilmentLine, ...]


@registry.event("fulfilment_accepted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentAccepted:
    """The warehouse has taken the order on."""

    order_id: UUID


@registry.event("fulfilment_shipped", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentShipped:
    """The parcel is with the carrier."""

    order_id: UUID
    person_id: str
    carrier: str
    no: Annotated[str | None, Personal("person_id")]


@registry.event("fulfilment_delivered", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentDelivered:
    """The buyer has the parcel."""

    order_id: UUID


@registry.event("fulfilment_failed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentFailed:
    """The order cannot be delivered; ``shipped`` says whether the goods are on the way."""

    order_id: UUID
    reason: str
    shipped: bool


@registry.event("fulfilment_went_on", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class FulfilmentWentOn:
    """Goods are on their way, or arrived, although their delivery had been given up.

    The order is called off and its money is given back, so somebody has to ask for the goods.

    Args:
        lines: What left; of a trade that was never to be sent, its order's lines.
    """

    order_id: UUID
    person_id: str
    location: str
    lines: tuple[FulfilmentLine, ...]


@registry.event("return_received", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnReceived:
    """Goods came back; ``value`` is what was paid for them."""

    order_id: UUID
    location: str
    lines: tuple[ReturnedLine, ...]
    condition: Condition
    value: Money


OrderEvent = (
    OrderPlaced | OrderRepriced | OrderConfirmed | OrderCancelled | OrderExpired | OrderCompleted
)
FulfilmentEvent = (
    FulfilmentRequested
    | FulfilmentAccepted
    | FulfilmentShipped
    | FulfilmentDelivered
    | FulfilmentFailed
    | FulfilmentWentOn
    | ReturnReceived
)
