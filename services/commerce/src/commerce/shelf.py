"""The shelf: a shop's products page by page, what can be bought first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from chassis.clock import micros
from commerce import exclusives, shop_queries
from commerce.shop_queries import Goods
from commerce.stock import ONLINE
from commerce.tables import available, offers, products

PAGE = 24
_NUMBER = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shelf:
    """One page of a shop's products.

    Args:
        more: There is a page behind it.
    """

    goods: Sequence[Goods]
    page: int
    more: bool

    @property
    def earlier(self) -> int | None:
        """The page before."""
        return self.page - 1 if self.page > 1 else None

    @property
    def later(self) -> int | None:
        """The page behind."""
        return self.page + 1 if self.more else None


def page_number(text: str | None) -> int:
    """Return the page that an address names; the first where it names none.

    >>> page_number("2"), page_number(None), page_number("0"), page_number("²"), page_number("1e9")
    (2, 1, 1, 1, 1)
    """
    return int(text) if text and _NUMBER.fullmatch(text) else 1


def shelf(
    db: Connection, tenant: str, now: datetime, buyer: str | None, *, platform: str, page: int = 1
) -> Shelf:
    """Return a page of a shop's products as somebody can buy them now."""
    row = products.c
    listed = (
        select(row.sku)
        .where(row.tenant == tenant)
        .order_by(case((_buyable(tenant, platform, now), 0), else_=1), row.sku)
        .limit(PAGE + 1)
        .offset((page - 1) * PAGE)
    )
    skus = db.execute(listed).scalars().all()
    found = shop_queries.all_goods(db, tenant, skus[:PAGE], now, buyer, platform=platform)
    return Shelf(goods=found, page=page, more=len(skus) > PAGE)


def _buyable(tenant: str, platform: str, now: datetime) -> ColumnElement[bool]:
    elsewhere = exclusives.elsewhere(tenant, platform, now).subquery()
    return and_(
        products.c.sku.in_(_offered(tenant, now)),
        products.c.sku.in_(_in_stock(tenant)),
        products.c.sku.not_in(select(elsewhere.c.sku)),
    )


def _offered(tenant: str, now: datetime) -> Select[tuple[str]]:
    """Select the products whose newest offer that holds has a price, and is no withdrawal."""
    row, at = offers.c, micros(now)
    newest = func.row_number().over(partition_by=row.sku, order_by=row.nth.desc()).label("newest")
    holding = (
        select(row.sku, row.sale_amount, newest)
        .where(
            row.tenant == tenant,
            row.valid_from <= at,
            or_(row.valid_to.is_(None), row.valid_to > at),
        )
        .subquery()
    )
    return select(holding.c.sku).where(holding.c.newest == 1, holding.c.sale_amount.is_not(None))


def _in_stock(tenant: str) -> Select[tuple[str]]:
    row = available.c
    return select(row.sku).where(
        row.tenant == tenant,
        row.location == ONLINE,
        row.on_hand > row.reserved + row.confirmed,
    )
