"""What commerce records about goods: the catalogue and the stock."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from chassis import audit, erasure, processes
from chassis.events import EventRegistry
from chassis.money import Money
from chassis.quotas import events as quotas

registry = EventRegistry("commerce")
processes.declare(registry)
erasure.declare(registry)
quotas.declare(registry)
audit.declare(registry)


@registry.event("product_listed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ProductListed:
    """A product belongs to the catalogue from now on; it has no price yet."""

    sku: str
    title: str


@registry.event("offer_priced", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OfferPriced:
    """A product is for sale at a price, beside the list price that it is compared with.

    Args:
        valid_to: None while no end is known.
        per_person: How many one person may buy, over all their accounts; None for any number.
    """

    sku: str
    list: Money
    sale: Money
    valid_from: datetime
    valid_to: datetime | None
    per_person: int | None


@registry.event("offers_withdrawn", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OffersWithdrawn:
    """A product is off sale: of the offers that were made until now none holds from then on."""

    sku: str
    at: datetime


@registry.event("stock_received", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StockReceived:
    """Goods arrived at a location and can be sold."""

    sku: str
    location: str
    qty: int


@registry.event("stock_reserved", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StockReserved:
    """Goods are held back for one line of an order until it is paid or the hold ends."""

    reservation: str
    order_id: UUID
    sku: str
    location: str
    qty: int
    expires_at: datetime


@registry.event("reservation_confirmed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReservationConfirmed:
    """The held goods belong to the order; the hold ends no more by itself."""

    reservation: str
    order_id: UUID
    sku: str
    location: str
    qty: int


@registry.event("reservation_released", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReservationReleased:
    """The order does not get the goods after all; they can be sold again."""

    reservation: str
    order_id: UUID
    sku: str
    location: str
    qty: int
    confirmed: bool
    reason: str


@registry.event("reservation_expired", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReservationExpired:
    """Nobody paid in time; the held goods can be sold again."""

    reservation: str
    order_id: UUID
    sku: str
    location: str
    qty: int


@registry.event("stock_shipped", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StockShipped:
    """Confirmed goods left the location."""

    reservation: str
    order_id: UUID
    sku: str
    location: str
    qty: int


@registry.event("stock_adjusted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StockAdjusted:
    """The count at a location changed without a delivery or a sale."""

    sku: str
    location: str
    qty: int
    reason: str


ProductEvent = ProductListed | OfferPriced | OffersWithdrawn
StockEvent = (
    StockReceived
    | StockReserved
    | ReservationConfirmed
    | ReservationReleased
    | ReservationExpired
    | StockShipped
    | StockAdjusted
)
