"""What commerce is asked about itself."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, and_, case, func, select

from chassis.clock import moment
from chassis.decider import Decider
from chassis.money import Money
from chassis.privacy import SubjectErased
from chassis.processes import orphans
from chassis.storage import log_on
from commerce.events import registry
from commerce.fulfilment import FULFILMENT, Fulfilment
from commerce.messages import (
    AvailableView,
    MoneyView,
    OrderSummary,
    OrphanView,
    ProductView,
    StockView,
)
from commerce.order import ORDER, Order
from commerce.order_process_state import payment_of
from commerce.payment import PAYMENT
from commerce.payment_state import Payment
from commerce.tables import available, board, money, products, tenants

S = TypeVar("S")


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


def order_state(db: Connection, tenant: str, order_id: UUID) -> tuple[Order, int]:
    """Return an order as it stands and its stream's version, without anything personal."""
    return _state(db, tenant, ORDER, order_id)


def payment_state(db: Connection, tenant: str, order_id: UUID) -> Payment:
    """Return where an order's payment stands."""
    return _state(db, tenant, PAYMENT, payment_of(order_id))[0]


def fulfilment_state(db: Connection, tenant: str, order_id: UUID) -> Fulfilment:
    """Return how far an order's goods are, without anything personal."""
    return _state(db, tenant, FULFILMENT, order_id)[0]


def products_after(db: Connection, tenant: str, sku: str, limit: int) -> list[ProductView]:
    """Return the next products in the order of their numbers."""
    row = products.c
    page = (
        select(products).where(row.tenant == tenant, row.sku > sku).order_by(row.sku).limit(limit)
    )
    return [_product(found) for found in db.execute(page)]


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
        sku=sku, available=sum(place.available for place in locations), locations=locations
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
    return [_summary(found) for found in db.execute(page)]


def money_report(db: Connection, tenant: str) -> list[MoneyView]:
    """Return, by currency, whether what was paid is what the standing orders come to."""
    row = money.c
    owed = case((row.stands, row.total - row.returned), else_=0)
    sums = (
        select(
            row.currency,
            func.sum(owed).label("owed"),
            func.sum(row.captured).label("captured"),
            func.sum(row.refunded).label("refunded"),
            func.sum(row.refunding).label("refunding"),
        )
        .where(row.tenant == tenant)
        .group_by(row.currency)
    )
    views = {found.currency: _balance(found) for found in db.execute(sums)}
    for currency in _own_currency(db, tenant):
        views.setdefault(currency, _empty(currency))
    return [views[currency] for currency in sorted(views)]


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


def _state(
    db: Connection, tenant: str, decider: Decider[S, Any, Any], entity_id: object
) -> tuple[S, int]:
    history = log_on(db).stream(tenant, decider.stream(entity_id))
    return decider.fold(registry.decode(stored, NoKeys()) for stored in history), len(history)


def _product(found: Row[Any]) -> ProductView:
    priced = found.currency is not None
    return ProductView(
        sku=found.sku,
        title=found.title,
        list=Money(amount=found.list_amount, currency=found.currency) if priced else None,
        sale=Money(amount=found.sale_amount, currency=found.currency) if priced else None,
        valid_from=moment(found.valid_from) if priced else None,
        valid_to=moment(found.valid_to) if found.valid_to is not None else None,
        per_person=found.per_person,
    )


def _summary(found: Row[Any]) -> OrderSummary:
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


def _balance(found: Row[Any]) -> MoneyView:
    # PostgreSQL sums 64-bit integers as decimals.
    paid, captured, refunded, refunding = (
        int(value) for value in (found.owed, found.captured, found.refunded, found.refunding)
    )
    return MoneyView(
        currency=found.currency,
        paid_orders=paid,
        captured=captured,
        refunded=refunded,
        refunding=refunding,
        difference=captured - refunded - refunding - paid,
    )


def _own_currency(db: Connection, tenant: str) -> Sequence[str]:
    return db.execute(select(tenants.c.currency).where(tenants.c.tenant == tenant)).scalars().all()


def _empty(currency: str) -> MoneyView:
    return MoneyView(
        currency=currency, paid_orders=0, captured=0, refunded=0, refunding=0, difference=0
    )
