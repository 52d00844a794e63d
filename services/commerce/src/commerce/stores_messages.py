"""What commerce is asked about stores and their tills, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from chassis.schemas import Readable, Whole
from commerce.messages import MOST_LINES, OrderSummary, Price, Qty, Sku, Subject, Text
from commerce.stores_events import Hours, Spot

_CLOCK = Whole(r"^([01][0-9]|2[0-3]):[0-5][0-9]$", error="A time of day as 09:30.")
_POINT = Whole(
    r"^-?([0-9]{1,2}(\.[0-9]{1,9})?),-?([0-9]{1,3}(\.[0-9]{1,9})?)$",
    error="Latitude and longitude in degrees, as 25.0330,121.5654.",
)
Receipt = Annotated[str, Whole(r"^[A-Za-z0-9._-]{1,64}$", error="Letters, digits, dot, dash.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class SpotRequest:
    """A point on the map, in degrees."""

    latitude: Annotated[float, validate.Range(min=-90, max=90)]
    longitude: Annotated[float, validate.Range(min=-180, max=180)]


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursRequest:
    """Opening hours of one weekday, 1 for Monday to 7 for Sunday."""

    weekday: Annotated[int, validate.Range(min=1, max=7)]
    opens: Annotated[str, _CLOCK]
    closes: Annotated[str, _CLOCK]


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreRequest:
    """A store; ``store_id`` is also the name of its stock location."""

    store_id: Sku
    name: Text
    address: Annotated[str, validate.Length(min=1, max=500), Readable()]
    region: Text
    position: SpotRequest
    zone: Text
    hours: Annotated[tuple[HoursRequest, ...], validate.Length(max=21)] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StoresWanted:
    """Which stores: around a point, of a region, those that have a product.

    Args:
        near: Latitude and longitude; the nearest come first.
        at: When they should be open; now if nothing is said.
    """

    near: Annotated[str | None, _POINT] = None
    region: Text | None = None
    sku: Sku | None = None
    at: datetime | None = None
    limit: Annotated[int, validate.Range(min=1, max=200)] = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreView:
    """A store, how far it is, and how many pieces of the wanted product it can sell."""

    store_id: str
    name: str
    address: str
    region: str
    position: Spot
    zone: str
    hours: tuple[Hours, ...]
    open: bool
    distance_m: int | None
    available: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TillLine:
    """So many pieces, at the price that the till took for one."""

    sku: Sku
    qty: Qty
    price: Price


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseRequest:
    """A receipt: bought, paid and taken home.

    Args:
        phone_id: Identity's id of the number that the buyer gave; never the number itself.
        person_id: Who bought, where the till knows it by a member's card.
    """

    receipt_no: Receipt
    lines: Annotated[tuple[TillLine, ...], validate.Length(min=1, max=MOST_LINES)]
    paid_at: datetime
    paid_with: Literal["cash", "card", "mobile", "voucher"]
    phone_id: UUID | None = None
    person_id: Subject | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PaidBackRequest:
    """Money that a till gave back."""

    amount: Price
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonOrders:
    """What one person bought, wherever and under whatever account or number."""

    person_id: str
    orders: tuple[OrderSummary, ...]
