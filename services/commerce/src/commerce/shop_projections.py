"""Fold what shoppers see into its read models."""

import json
from collections.abc import Sequence
from typing import Any

from chassis import schemas
from chassis.changes import Change, Changes, put
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce import shop_events
from commerce.shop_tables import presentations, storefronts

showing = Projection("presentations", [presentations])
shops = Projection("storefronts", [storefronts])


@showing.fold(shop_events.ProductMediaSet)
def show_media(event: shop_events.ProductMediaSet, stored: Envelope) -> Changes:
    """Show a product by other pictures and videos."""
    yield _present(stored, event.sku, media=_text(event.media))


@showing.fold(shop_events.ProductDescribed)
def show_texts(event: shop_events.ProductDescribed, stored: Envelope) -> Changes:
    """Describe a product by other texts."""
    yield _present(stored, event.sku, texts=_text(event.texts))


@shops.fold(shop_events.StorefrontDescribed)
def show_shop(event: shop_events.StorefrontDescribed, stored: Envelope) -> Changes:
    """Name a shop, and let it stand in the shared mall or not."""
    yield put(
        storefronts, tenant=stored.tenant, name=event.name, in_shared_mall=event.in_shared_mall
    )


def _present(stored: Envelope, sku: str, **values: str) -> Change:
    place = {"tenant": stored.tenant, "sku": sku}
    empty = {**place, "media": "[]", "texts": "[]"}
    return Change(presentations, place, lambda row: {**(row or empty), **values})


def _text(parts: Sequence[Any]) -> str:
    return json.dumps([schemas.dump(part) for part in parts], ensure_ascii=False)
