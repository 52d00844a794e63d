"""What commerce records about what shoppers see: media, texts, posts, shops, and parcels."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from marshmallow import validate

from chassis.privacy import Personal
from chassis.schemas import Readable, Whole
from commerce.events import registry
from commerce.order_events import Named

Language = Literal["zh-Hant", "zh-Hans", "yue", "en"]
# No SVG: it can carry scripts.
MimeType = Literal[
    "image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "video/mp4", "video/webm"
]
Digest = Annotated[str, Whole(r"^[0-9a-f]{64}$")]
Address = Annotated[str, Whole(r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[\x21-\x7e]{0,1000}$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalText:
    """A text in one language."""

    lang: Language
    text: Annotated[str, validate.Length(min=1, max=5000), Readable()]


@dataclass(frozen=True, kw_only=True, slots=True)
class Medium:
    """A picture or a video.

    Args:
        asset: Digest of a file that was uploaded to us; this or ``url`` is given.
        url: Where else it is.
        alt: What it shows, for who cannot see it.
    """

    mime_type: MimeType
    alt: Annotated[tuple[LocalText, ...], validate.Length(min=1, max=4)]
    asset: Digest | None = None
    url: Address | None = None


@registry.event("product_media_set", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ProductMediaSet:
    """These pictures and videos show a product from now on, in this order."""

    sku: str
    media: tuple[Medium, ...]


@registry.event("product_described", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ProductDescribed:
    """These texts describe a product from now on, one for each language."""

    sku: str
    texts: tuple[LocalText, ...]


@registry.event("post_published", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PostPublished:
    """A post went out from which one can buy at once.

    Args:
        content: The piece of content that it carries out, as campaigns calls it.
        property: Which page or account of ours on the platform.
        skus: What it sells, in this order.
    """

    post_id: UUID
    content: str | None
    platform: Named
    property: Named
    texts: tuple[LocalText, ...]
    media: tuple[Medium, ...]
    skus: tuple[str, ...]


@registry.event("storefront_described", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class StorefrontDescribed:
    """A company's shop is called so, and stands in the mall that it shares with others or not."""

    name: str
    in_shared_mall: bool


@registry.event("parcel_addressed")
@dataclass(frozen=True, kw_only=True, slots=True)
class ParcelAddressed:
    """The buyer said where the goods of an order shall go."""

    order_id: UUID
    person_id: str
    name: Annotated[str | None, Personal("person_id")]
    phone: Annotated[str | None, Personal("person_id")]
    address: Annotated[str | None, Personal("person_id")]


PresentationEvent = ProductMediaSet | ProductDescribed
