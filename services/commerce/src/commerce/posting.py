"""Use cases about what shoppers see."""

import base64
import binascii
import hashlib
from collections.abc import Iterable

from sqlalchemy import select

from chassis.clock import micros
from chassis.errors import Invalid
from chassis.ids import derived_id
from chassis.insertion import insert_once
from chassis.unit_of_work import Executed, UnitOfWork
from commerce.post import POST, Post, PublishPost
from commerce.presentation import PRESENTATION, Describe, Presentation, SetMedia
from commerce.product import PRODUCT, ProductUnknown
from commerce.shop_events import LocalText, Medium
from commerce.shop_messages import AssetRequest, AssetView, PostRequest, StorefrontRequest
from commerce.shop_queries import AssetUnknown
from commerce.shop_tables import assets
from commerce.storefront import STOREFRONT, THE_ONLY, DescribeStorefront, Storefront

_BEGINNINGS = {
    "image/jpeg": (0, b"\xff\xd8\xff"),
    "image/png": (0, b"\x89PNG\r\n\x1a\n"),
    "image/gif": (0, b"GIF8"),
    "image/webp": (8, b"WEBP"),
    "image/avif": (4, b"ftyp"),
    "video/mp4": (4, b"ftyp"),
    "video/webm": (0, b"\x1aE\xdf\xa3"),
}


def upload(work: UnitOfWork, wanted: AssetRequest) -> AssetView:
    """Keep a file; the same file again is the same asset.

    Raises:
        Invalid: it is not in base64, or not what it says it is.
    """
    try:
        content = base64.b64decode(wanted.content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid({"content": ["Not base64."]}) from None
    place, beginning = _BEGINNINGS[wanted.mime_type]
    if content[place : place + len(beginning)] != beginning:
        raise Invalid({"mime_type": ["The file is of another type."]})
    digest = hashlib.sha256(content).hexdigest()
    row = {
        "tenant": work.tenant,
        "digest": digest,
        "mime_type": wanted.mime_type,
        "content": content,
        "uploaded_at": micros(work.recorded_at),
    }
    insert_once(work.db, assets, row)
    return AssetView(asset=digest, mime_type=wanted.mime_type, bytes=len(content))


def set_media(work: UnitOfWork, sku: str, media: tuple[Medium, ...]) -> Executed[Presentation]:
    """Show a product by pictures and videos.

    Raises:
        ProductUnknown: it is not in the catalogue.
        AssetUnknown: a file was never uploaded.
    """
    _listed(work, [sku])
    _uploaded(work, media)
    return work.execute(PRESENTATION, sku, SetMedia(sku=sku, media=media))


def describe(work: UnitOfWork, sku: str, texts: tuple[LocalText, ...]) -> Executed[Presentation]:
    """Describe a product; raises ProductUnknown."""
    _listed(work, [sku])
    return work.execute(PRESENTATION, sku, Describe(sku=sku, texts=texts))


def publish(work: UnitOfWork, wanted: PostRequest) -> Executed[Post]:
    """Publish a post from which one can buy.

    Raises:
        ProductUnknown: a product is not in the catalogue.
        AssetUnknown: a file was never uploaded.
        NothingToSell: it has no product or no medium.
    """
    _listed(work, wanted.skus)
    _uploaded(work, wanted.media)
    post_id = derived_id(work.context.command_id, "post")
    command = PublishPost(
        post_id=post_id,
        content=wanted.content,
        platform=wanted.platform,
        property=wanted.property,
        texts=wanted.texts,
        media=wanted.media,
        skus=wanted.skus,
    )
    return work.execute(POST, post_id, command)


def describe_storefront(work: UnitOfWork, wanted: StorefrontRequest) -> Executed[Storefront]:
    """Name the shop, and let it stand in the shared mall or not."""
    command = DescribeStorefront(name=wanted.name, in_shared_mall=wanted.in_shared_mall)
    return work.execute(STOREFRONT, THE_ONLY, command)


def _listed(work: UnitOfWork, skus: Iterable[str]) -> None:
    for sku in skus:
        if work.load(PRODUCT, sku).state.title is None:
            raise ProductUnknown(f"List {sku} first.")


def _uploaded(work: UnitOfWork, media: Iterable[Medium]) -> None:
    row = assets.c
    for digest in {medium.asset for medium in media if medium.asset}:
        here = select(row.digest).where(row.tenant == work.tenant, row.digest == digest)
        if work.db.execute(here).first() is None:
            raise AssetUnknown(f"Upload {digest} first.")
