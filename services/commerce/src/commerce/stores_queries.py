"""What is asked about stores: which are near, which have a product, who bought there."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from commerce import persons
from commerce.messages import OrderSummary
from commerce.queries import summary
from commerce.store import is_open
from commerce.stores_events import Hours, Spot
from commerce.stores_messages import StoresWanted, StoreView
from commerce.stores_projections import MICRODEGREES
from commerce.stores_tables import stores
from commerce.tables import available, board, person_links, person_orders

EARTH_METRES = 6_371_000
MOST_ORDERS = 200


def find_stores(
    db: Connection, tenant: str, wanted: StoresWanted, *, now: datetime
) -> list[StoreView]:
    """Return stores, the nearest first where a point is named, by their names otherwise."""
    row, there = stores.c, available.c
    free = there.on_hand - there.reserved - there.confirmed
    page = select(stores, free.label("free")).where(row.tenant == tenant)
    page = page.select_from(stores.outerjoin(available, _kept_at(tenant, wanted.sku)))
    if wanted.region is not None:
        page = page.where(row.region == wanted.region)
    if wanted.sku is not None:
        page = page.where(free > 0)
    spot = _spot(wanted.near)
    found = [_view(dict(store), wanted, spot, now) for store in db.execute(page).mappings()]
    ranked = sorted(found, key=lambda store: (store.distance_m or 0, store.store_id))
    return ranked[: wanted.limit]


def orders_of(db: Connection, tenant: str, named: str) -> tuple[str, list[OrderSummary]]:
    """Return a person and what they bought under all their accounts and numbers, newest first."""
    person = persons.person_behind(db, tenant, named)
    link, bought, row = person_links.c, person_orders.c, board.c
    members = select(link.member).where(link.tenant == tenant, link.person == person)
    mine = select(bought.order_id).where(
        bought.tenant == tenant, or_(bought.person_id == person, bought.person_id.in_(members))
    )
    page = (
        select(board)
        .where(row.tenant == tenant, row.order_id.in_(mine))
        .order_by(row.placed_at.desc(), row.order_id)
        .limit(MOST_ORDERS)
    )
    return person, [summary(found) for found in db.execute(page)]


def metres(here: Spot, there: Spot) -> int:
    """Return the distance over the earth's surface.

    >>> taipei, shanghai = Spot(latitude=25.03, longitude=121.56), Spot(latitude=31.23, longitude=121.47)
    >>> metres(taipei, shanghai) // 1000
    689
    """  # noqa: E501 -- two cities in one line are easier to compare
    north = radians(there.latitude - here.latitude)
    east = radians(there.longitude - here.longitude)
    parallel = cos(radians(here.latitude)) * cos(radians(there.latitude))
    chord = sin(north / 2) ** 2 + parallel * sin(east / 2) ** 2
    return round(2 * EARTH_METRES * asin(sqrt(min(chord, 1.0))))


def _kept_at(tenant: str, sku: str | None) -> ColumnElement[bool]:
    there = available.c
    here = and_(there.tenant == tenant, there.location == stores.c.store_id)
    return and_(here, there.sku == (sku or ""))


def _view(
    store: Mapping[str, Any], wanted: StoresWanted, near: Spot | None, now: datetime
) -> StoreView:
    position = Spot(
        latitude=store["latitude"] / MICRODEGREES, longitude=store["longitude"] / MICRODEGREES
    )
    hours = _hours(store["hours"])
    return StoreView(
        store_id=store["store_id"],
        name=store["name"],
        address=store["address"],
        region=store["region"],
        position=position,
        zone=store["zone"],
        hours=hours,
        open=is_open(hours, store["zone"], wanted.at or now),
        distance_m=metres(near, position) if near else None,
        available=store["free"] if wanted.sku else None,
    )


def _hours(kept: str) -> tuple[Hours, ...]:
    entries: Sequence[Any] = json.loads(kept)
    return tuple(Hours(weekday=day, opens=opens, closes=closes) for day, opens, closes in entries)


def _spot(near: str | None) -> Spot | None:
    if near is None:
        return None
    latitude, longitude = map(float, near.split(","))
    return Spot(latitude=latitude, longitude=longitude)
