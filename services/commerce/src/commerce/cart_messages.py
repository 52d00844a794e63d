"""What commerce is asked about carts over HTTP, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from chassis.money import Money
from commerce.messages import CouponCode, Sku, Subject
from commerce.order_events import Origin
from commerce.promotion_messages import Language, PromotionText

Minutes = Annotated[int, validate.Range(min=1, max=43_200)]
Unavailable = Literal["not_offered", "out_of_stock", "other_currency"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CartRequest:
    """Who begins to put goods together, and where they come from."""

    person_id: Subject
    origin: Origin
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LineSetting:
    """So many pieces shall be in the cart; 0 takes the product out."""

    sku: Sku
    qty: Annotated[int, validate.Range(min=0, max=100_000)]
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CartWanted:
    """How to show a cart.

    Args:
        lang: In which language promotions are told (BCP 47).
        coupon: As if it were ordered with this coupon.
        at: At the prices of which moment; now if nothing else is said.
    """

    lang: Language | None = None
    coupon: CouponCode | None = None
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CartLineView:
    """A line of a cart at today's price, or why it cannot be bought now."""

    sku: str
    title: str
    qty: int
    unavailable: Unavailable | None
    list: Money | None
    price: Money | None
    promotion: PromotionText | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CartView:
    """A cart as it stands; ``total`` is of the lines that can be bought now."""

    cart_id: UUID
    status: str
    buyer: str
    origin: Origin
    lines: tuple[CartLineView, ...]
    total: Money | None
    order_id: UUID | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonmentWanted:
    """Which carts to look at.

    Args:
        minutes: How long before a cart was left an unanswered enquiry still explains it.
        since: Only carts that were opened from then on.
        until: Only carts that were opened before.
    """

    minutes: Minutes = 120
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftCartsWanted(AbandonmentWanted):
    """Which abandoned carts to list.

    Args:
        sku: Only those with this product in it.
        lost: Only those lost for lack of service.
    """

    sku: Sku | None = None
    lost: bool = False
    limit: Annotated[int, validate.Range(min=1, max=200)] = 50
    cursor: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class FunnelView:
    """How many carts got how far."""

    opened: int
    checked_out: int
    paid: int
    abandoned: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductLossView:
    """In how many abandoned carts a product lies, and how many of them were lost."""

    sku: str
    abandoned: int
    lost_for_lack_of_service: int
    pieces: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AbandonmentView:
    """How many carts were left behind, and how many for want of an answer."""

    minutes: int
    abandoned: int
    lost_for_lack_of_service: int
    came_back: int
    unanswered: FunnelView
    others: FunnelView
    products: tuple[ProductLossView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftCartView:
    """An abandoned cart, and the case of the enquiry that nobody answered, if there is one."""

    cart_id: UUID
    abandoned_at: datetime
    case_id: UUID | None
    asked_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftCartPage:
    """Some abandoned carts, and where the next ones begin."""

    carts: tuple[LeftCartView, ...]
    next: str | None
