"""What commerce is asked about what shoppers see, and what it answers."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from chassis.money import AskedCurrency
from chassis.schemas import Readable
from commerce.messages import Qty, Sku
from commerce.order_events import Named
from commerce.shop_events import LocalText, Medium, MimeType

MOST_MEDIA = 12
MOST_PRODUCTS = 20
# A form is typed by a person; a digit too many is a mistake.
MOST_PIECES = 99
Media = Annotated[tuple[Medium, ...], validate.Length(max=MOST_MEDIA)]
Texts = Annotated[tuple[LocalText, ...], validate.Length(max=4)]
Short = Annotated[str, validate.Length(min=1, max=100), Readable()]


@dataclass(frozen=True, kw_only=True, slots=True)
class MediaRequest:
    """Pictures and videos in the order in which they are shown."""

    media: Media


@dataclass(frozen=True, kw_only=True, slots=True)
class TextsRequest:
    """A description for each language."""

    texts: Texts


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetRequest:
    """A file; ``content`` is in base64."""

    mime_type: MimeType
    content: Annotated[str, validate.Length(min=4, max=8_000_000)]


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetView:
    """A file that can be shown from now on."""

    asset: str
    mime_type: str
    bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PostRequest:
    """A post from which one can buy."""

    platform: Named
    property: Named
    content: Named | None = None
    texts: Texts
    media: Media
    skus: Annotated[tuple[Sku, ...], validate.Length(max=MOST_PRODUCTS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PostView:
    """A post as it was published.

    Args:
        page: Where shoppers find it, below the shop's own address.
    """

    post_id: UUID
    platform: str
    property: str
    content: str | None
    texts: tuple[LocalText, ...]
    media: tuple[Medium, ...]
    skus: tuple[str, ...]
    page: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StorefrontRequest:
    """How the shop is called, and whether it stands in the mall shared with other companies."""

    name: Short
    in_shared_mall: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelView:
    """Where an order's goods go; empty once the buyer was forgotten."""

    order_id: UUID
    name: str | None
    phone: str | None
    address: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class PageQuery:
    """What the pages read of their address; whatever else is there is somebody else's."""

    lang: str | None = None
    post: str | None = None
    proof: str | None = None
    page: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LineForm:
    """So many pieces of a product, for a cart."""

    sku: Sku
    qty: Annotated[int, validate.Range(min=0, max=MOST_PIECES)]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckoutForm:
    """A cart's page, filled in.

    Args:
        seen: The lines that the page showed, with their prices.
    """

    seen: Annotated[str, validate.Length(min=2, max=20_000)]
    name: Short
    phone: Annotated[str, validate.Length(min=6, max=30), Readable()]
    address: Annotated[str, validate.Length(min=5, max=300), Readable()]
    method: Literal["card", "wallet"]


@dataclass(frozen=True, kw_only=True, slots=True)
class PurchaseForm:
    """A buy page, filled in.

    Args:
        amount: The price that the page showed, in minor units of ``currency``.
    """

    qty: Annotated[Qty, validate.Range(max=MOST_PIECES)]
    amount: int
    currency: AskedCurrency
    name: Short
    phone: Annotated[str, validate.Length(min=6, max=30), Readable()]
    address: Annotated[str, validate.Length(min=5, max=300), Readable()]
    method: Literal["card", "wallet"]
