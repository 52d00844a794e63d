"""What commerce is asked about itself."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, and_, or_, select

from chassis import schemas
from chassis.clock import micros, moment, moment_or_none
from chassis.decider import Decider
from chassis.money import Money
from chassis.privacy import SubjectErased
from chassis.processes import orphans
from chassis.storage import log_on
from commerce import views
from commerce.drop_place import drop_at
from commerce.events import registry
from commerce.fulfilment import FULFILMENT, Fulfilment
from commerce.messages import (
    AvailableView,
    OrderSummary,
    OrphanView,
    ProductView,
    StockView,
)
from commerce.order import ORDER, Order
from commerce.order_process_state import payment_of
from commerce.payment import PAYMENT
from commerce.payment_state import Payment
from commerce.presentation import Presentation
from commerce.product import Offer, Product, Withdrawn
from commerce.shop_events import LocalText, Medium
from commerce.shop_tables import presentations
from commerce.stock import ONLINE
from commerce.tables import available, board, offers, products

S = TypeVar("S")
P = TypeVar("P")
Shown = tuple[tuple[Medium, ...], tuple[LocalText, ...]]


class NoKeys:
    """Opens nothing: who reads without keys never sees a personal field."""

    def seal_key(self, tenant: str, subject: str) -> bytes:
        """Refuse; raises SubjectErased."""
        raise SubjectErased(f"{tenant}/{subject}")

    def open_key(self, tenant: str, subject: str) -> bytes | None:
        """Return None for everybody."""
        del tenant, subject
        return None  # the type checker wants to read it

    def destroy(self, tenant: str, subject: str) -> None:
        """Do nothing: there is nothing to destroy."""


def state_of(
    db: Connection, tenant: str, decider: Decider[S, Any, Any], entity_id: object
) -> tuple[S, int]:
    """Return an aggregate's state and its stream's version, without anything personal."""
    history = log_on(db).stream(tenant, decider.stream(entity_id))
    return decider.fold(registry.decode(stored, NoKeys()) for stored in history), len(history)


def order_state(db: Connection, tenant: str, order_id: UUID) -> tuple[Order, int]:
    """Return an order as it stands and its stream's version, without anything personal."""
    return state_of(db, tenant, ORDER, order_id)


def payment_state(db: Connection, tenant: str, order_id: UUID) -> Payment:
    """Return where an order's payment stands."""
    return state_of(db, tenant, PAYMENT, payment_of(order_id))[0]


def fulfilment_state(db: Connection, tenant: str, order_id: UUID) -> Fulfilment:
    """Return how far an order's goods are, without anything personal."""
    return state_of(db, tenant, FULFILMENT, order_id)[0]


def products_after(
    db: Connection, tenant: str, sku: str, limit: int, now: datetime
) -> list[ProductView]:
    """Return the next products in the order of their numbers, at the prices of a moment."""
    row = products.c
    page = (
        select(products).where(row.tenant == tenant, row.sku > sku).order_by(row.sku).limit(limit)
    )
    return product_views(db, tenant, db.execute(page).all(), now)


def product_views(
    db: Connection, tenant: str, rows: Sequence[Row[Any]], now: datetime
) -> list[ProductView]:
    """Return products of the catalogue with what shows them, at the prices of a moment."""
    skus = [row.sku for row in rows]
    shown, offered = presented(db, tenant, skus), offers_of(db, tenant, skus, now)
    found = []
    for row in rows:
        media, texts = shown.get(row.sku, ((), ()))
        listed = Product(title=row.title, offers=tuple(offered[row.sku]))
        seen = Presentation(media=media, texts=texts)
        found.append(views.product(row.sku, listed, seen, now))
    return found


def offers_of(
    db: Connection, tenant: str, skus: Sequence[str], now: datetime
) -> Mapping[str, list[Offer | Withdrawn]]:
    """Return what some products are, or will be, offered at, in the order it was said."""
    row = offers.c
    kept = (
        select(offers)
        .where(
            row.tenant == tenant,
            row.sku.in_(skus),
            or_(row.valid_to.is_(None), row.valid_to > micros(now)),
        )
        .order_by(row.sku, row.nth)
    )
    found: dict[str, list[Offer | Withdrawn]] = {sku: [] for sku in skus}
    for each in db.execute(kept):
        found[each.sku].append(_offer(each))
    return found


def presented(db: Connection, tenant: str, skus: Sequence[str]) -> Mapping[str, Shown]:
    """Return the media and the texts of some products."""
    row = presentations.c
    wanted = select(presentations).where(row.tenant == tenant, row.sku.in_(skus))
    return {
        found.sku: (_parts(Medium, found.media), _parts(LocalText, found.texts))
        for found in db.execute(wanted)
    }


def available_of(db: Connection, tenant: str, sku: str) -> AvailableView:
    """Return how many pieces of a product can be sold, and where they are."""
    row = available.c
    here = select(available).where(row.tenant == tenant, row.sku == sku).order_by(row.location)
    locations = tuple(
        StockView(
            location=found.location,
            on_hand=found.on_hand,
            reserved=found.reserved,
            confirmed=found.confirmed,
            available=found.on_hand - found.reserved - found.confirmed,
        )
        for found in db.execute(here)
    )
    return AvailableView(
        sku=sku,
        available=sum(place.available for place in locations if drop_at(place.location) is None),
        locations=locations,
    )


def left_of(db: Connection, tenant: str, skus: Sequence[str]) -> Counter[str]:
    """Return how many pieces of products online orders can take: from where they are sent.

    What stores have is for those who go there.
    """
    row = available.c
    here = select(available).where(row.tenant == tenant, row.sku.in_(skus), row.location == ONLINE)
    return Counter(
        {
            found.sku: max(0, found.on_hand - found.reserved - found.confirmed)
            for found in db.execute(here)
        }
    )


def orders_after(
    db: Connection, tenant: str, place: Sequence[Any], *, status: str | None, limit: int
) -> list[OrderSummary]:
    """Return the next orders, the oldest first, behind (placed_at, order_id)."""
    row = board.c
    since, after = place
    behind = (row.placed_at > since) | and_(row.placed_at == since, row.order_id > after)
    wanted = [row.tenant == tenant, behind, *([row.status == status] if status else [])]
    page = select(board).where(*wanted).order_by(row.placed_at, row.order_id).limit(limit)
    return [summary(found) for found in db.execute(page)]


def stuck_orders(db: Connection, tenant: str, *, before: datetime) -> list[OrphanView]:
    """Return the orders that are not finished and stood still since a moment."""
    return [
        OrphanView(
            process=row["process"],
            key=row["key"],
            advanced_at=datetime.fromisoformat(row["advanced_at"]),
            last=row["last"],
        )
        for row in orphans(db, before=before)
        if row["tenant"] == tenant
    ]


def _parts(cls: type[P], text: str) -> tuple[P, ...]:
    return tuple(schemas.load(cls, part) for part in json.loads(text))


def _offer(found: Row[Any]) -> Offer | Withdrawn:
    if found.currency is None:
        return Withdrawn(at=moment(found.valid_from))
    return Offer(
        list=Money(amount=found.list_amount, currency=found.currency),
        sale=Money(amount=found.sale_amount, currency=found.currency),
        valid_from=moment(found.valid_from),
        valid_to=moment_or_none(found.valid_to),
        per_person=found.per_person,
    )


def summary(found: Row[Any]) -> OrderSummary:
    """Show one row of the order board."""
    return OrderSummary(
        order_id=UUID(found.order_id),
        status=found.status,
        reason=found.reason,
        platform=found.platform,
        property=found.property,
        mode=found.mode,
        total=Money(amount=found.total, currency=found.currency),
        placed_at=moment(found.placed_at),
    )
