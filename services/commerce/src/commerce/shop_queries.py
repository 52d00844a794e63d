"""What the pages ask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, select

from chassis.decider import Decider
from chassis.errors import NotFound
from chassis.money import Money
from chassis.privacy import KeyStore
from chassis.storage import log_on
from commerce import exclusives, pricing, queries
from commerce.events import registry
from commerce.messages import ProductView
from commerce.order import ORDER, placed
from commerce.order_process_state import payment_of
from commerce.payment import PAYMENT
from commerce.post import POST, published
from commerce.product import PRODUCT, NotOffered, Offer, Product
from commerce.shop_events import LocalText, Medium, PostPublished
from commerce.shop_tables import assets, storefronts
from commerce.storefront import PARCEL, Parcel
from commerce.tables import products

S = TypeVar("S")


class AssetUnknown(NotFound):
    """No such file was uploaded."""

    code = "asset_unknown"


class ShopUnknown(NotFound):
    """There is no such shop here."""

    code = "shop_unknown"


class ProductNotListed(NotFound):
    """There is no such product in the catalogue."""

    code = "product_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Goods:
    """A product as a shopper finds it now.

    Args:
        offer: None while it is not for sale.
        price: What one piece costs whoever looks, after any promotion.
        available: How many can be sold.
        elsewhere: The other channel that alone sells it for now, if there is one.
    """

    sku: str
    title: str
    media: tuple[Medium, ...]
    texts: tuple[LocalText, ...]
    offer: Offer | None
    price: Money | None
    available: int
    elsewhere: str | None

    @property
    def buyable(self) -> bool:
        """Say whether a shopper can order it here and now."""
        return self.offer is not None and self.available > 0 and self.elsewhere is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Merchant:
    """A company in the shared mall."""

    tenant: str
    name: str


def catalogue_view(db: Connection, tenant: str, sku: str, now: datetime) -> ProductView:
    """Return a product of the catalogue; raises ProductNotListed."""
    row = products.c
    one = select(products).where(row.tenant == tenant, row.sku == sku)
    found = db.execute(one).one_or_none()
    if found is None:
        raise ProductNotListed("There is no such product.")
    return queries.product_views(db, tenant, [found], now)[0]


def goods(
    db: Connection, tenant: str, sku: str, now: datetime, buyer: str | None, *, platform: str
) -> Goods:
    """Return one product as somebody can buy it now; raises ProductNotListed."""
    return all_goods(db, tenant, [sku], now, buyer, platform=platform)[0]


def all_goods(
    db: Connection,
    tenant: str,
    skus: Sequence[str],
    now: datetime,
    buyer: str | None,
    *,
    platform: str,
) -> list[Goods]:
    """Return some products as somebody on a platform can buy them; raises ProductNotListed."""
    elsewhere = exclusives.channels_elsewhere(db, tenant, skus, platform, now)
    shown = queries.presented(db, tenant, skus)
    offers = pricing.offers_for(db, tenant, buyer, skus, now)
    left = queries.left_of(db, tenant, skus)
    found = []
    for sku in skus:
        product = queries.state_of(db, tenant, PRODUCT, sku)[0]
        offer = _offer(product, now)
        media, texts = shown.get(sku, ((), ()))
        found.append(
            Goods(
                sku=sku,
                title=product.title or "",
                media=media,
                texts=texts,
                offer=offer,
                price=offers.best(sku, offer.sale).price if offer else None,
                available=left[sku],
                elsewhere=elsewhere.get(sku),
            )
        )
    return found


def sellable(db: Connection, tenant: str, sku: str) -> int:
    """Return how many pieces the web shop can sell: those where it takes them from."""
    return queries.left_of(db, tenant, [sku])[sku]


def post(db: Connection, tenant: str, post_id: UUID) -> PostPublished:
    """Return a post; raises PostUnknown."""
    return published(queries.state_of(db, tenant, POST, post_id)[0])


def shop_name(db: Connection, tenant: str) -> str | None:
    """Return how a company calls its shop, if it said."""
    row = storefronts.c
    return db.execute(select(row.name).where(row.tenant == tenant)).scalar()


def in_mall(db: Connection, tenant: str) -> bool:
    """Say whether a company's shop stands in the shared mall."""
    row = storefronts.c
    return bool(db.execute(select(row.in_shared_mall).where(row.tenant == tenant)).scalar())


def merchants(db: Connection) -> list[Merchant]:
    """Return the companies in the shared mall, by their names."""
    row = storefronts.c
    joined = select(row.tenant, row.name).where(row.in_shared_mall).order_by(row.name, row.tenant)
    return [Merchant(tenant=found.tenant, name=found.name) for found in db.execute(joined)]


def asset(db: Connection, tenant: str, digest: str) -> Row[Any]:
    """Return an uploaded file; raises AssetUnknown."""
    row = assets.c
    wanted = select(row.mime_type, row.content).where(row.tenant == tenant, row.digest == digest)
    found = db.execute(wanted).one_or_none()
    if found is None:
        raise AssetUnknown("There is no such file.")
    return found


def titles(db: Connection, tenant: str, skus: Sequence[str]) -> Mapping[str, str]:
    """Return what some products are called."""
    row = products.c
    wanted = select(row.sku, row.title).where(row.tenant == tenant, row.sku.in_(skus))
    return {found.sku: found.title for found in db.execute(wanted)}


def payment_method(db: Connection, tenant: str, order_id: UUID, keys: KeyStore) -> str | None:
    """Return an order's token at the payment provider; None once its buyer was forgotten."""
    return placed(_opened(db, tenant, ORDER, order_id, keys)).payment_method


def payment_failure(db: Connection, tenant: str, order_id: UUID) -> str | None:
    """Return why an order's payment failed; None if it did not."""
    history = log_on(db).stream(tenant, PAYMENT.stream(payment_of(order_id)))
    failed = [stored for stored in history if stored.type == "payment_failed"]
    return registry.decode(failed[-1], queries.NoKeys()).reason if failed else None


def parcel(db: Connection, tenant: str, order_id: UUID, keys: KeyStore) -> Parcel:
    """Return where an order's goods go."""
    return _opened(db, tenant, PARCEL, order_id, keys)


def _offer(product: Product, now: datetime) -> Offer | None:
    if product.title is None:
        raise ProductNotListed("There is no such product.")
    try:
        return product.offer_at(now)
    except NotOffered:
        return None


def _opened(
    db: Connection, tenant: str, decider: Decider[S, Any, Any], entity_id: object, keys: KeyStore
) -> S:
    history = log_on(db).stream(tenant, decider.stream(entity_id))
    return decider.fold(registry.decode(stored, keys) for stored in history)
