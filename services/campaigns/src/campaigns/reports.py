"""Figures by channel and by face, for a period."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, get_args
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Select, and_, func, select

from campaigns.attribution import apportion, fraction_of
from campaigns.events import Face
from campaigns.messages import Period
from campaigns.replies import ChannelFigures, FaceFigures
from campaigns.tables import conversions, credits_given, publications, spend, tenants, touches
from chassis.clock import micros
from chassis.money import Money

_PLACES = Decimal("0.000001")
Shares = Mapping[str, Decimal]
Sums = Mapping[str, Mapping[str, int]]


def channel_figures(db: Connection, tenant: str, period: Period) -> list[ChannelFigures]:
    """Return touches, orders, revenue and spend of every channel, by its name."""
    counted = _touches(db, tenant, period)
    shares, revenue = _credited(db, tenant, period)
    spent = _spent(db, tenant, period)
    return [
        ChannelFigures(
            channel=channel,
            touches=counted.get(channel, 0),
            orders=shares.get(channel, Decimal(0)).quantize(_PLACES, ROUND_HALF_EVEN),
            revenue=_money(revenue.get(channel, {})),
            spend=_money(spent.get(channel, {})),
        )
        for channel in sorted({*counted, *shares, *spent})
    ]


def face_figures(db: Connection, tenant: str, period: Period) -> list[FaceFigures]:
    """Return how what was published in a period divides into the four faces."""
    table = publications
    found = (
        select(table.c.face, func.count())
        .where(table.c.tenant == tenant, *_within(table.c.at, period))
        .group_by(table.c.face)
    )
    counts = {row[0]: row[1] for row in db.execute(found)}
    everything = sum(counts.values())
    return [
        FaceFigures(
            face=face,
            published=counts.get(face, 0),
            share=_share(counts.get(face, 0), everything),
        )
        for face in get_args(Face)
    ]


def _share(part: int, everything: int) -> Decimal:
    return fraction_of(part, everything) if everything else Decimal(0)


def _touches(db: Connection, tenant: str, period: Period) -> dict[str, int]:
    table = touches
    found = (
        select(table.c.channel, func.count())
        .where(table.c.tenant == tenant, *_within(table.c.at, period))
        .group_by(table.c.channel)
    )
    return {row[0]: row[1] for row in db.execute(found)}


def _credited(db: Connection, tenant: str, period: Period) -> tuple[Shares, Sums]:
    shares: dict[str, Decimal] = defaultdict(Decimal)
    revenue: dict[str, Counter[str]] = defaultdict(Counter)
    rows = db.execute(_credits(tenant, period)).mappings()
    for _, of_order in groupby(rows, key=itemgetter("order_id")):
        for row, kept in _kept(list(of_order)):
            undone = row["whole"] > 0 and row["whole"] == row["reversed"]
            shares[row["channel"]] += Decimal(0) if undone else Decimal(row["weight"])
            revenue[row["channel"]][row["currency"]] += kept
    return shares, revenue


def _kept(of_order: Sequence[RowMapping]) -> Iterator[tuple[RowMapping, int]]:
    """Yield each credit of an order with what reversals left of it; nothing gets lost."""
    left = of_order[0]["whole"] - of_order[0]["reversed"]
    shares = [Fraction(row["weight"]) for row in of_order]
    yield from zip(of_order, apportion(left, shares), strict=True)


def _credits(tenant: str, period: Period) -> Select[Any]:
    given, order = credits_given, conversions
    same = and_(given.c.tenant == order.c.tenant, given.c.order_id == order.c.order_id)
    return (
        select(
            given.c.order_id,
            given.c.channel,
            given.c.weight,
            order.c.amount.label("whole"),
            order.c.reversed,
            order.c.currency,
        )
        .join(order, same)
        .where(given.c.tenant == tenant, *_within(order.c.ordered_at, period))
        .order_by(given.c.order_id, given.c.place)
    )


def _spent(db: Connection, tenant: str, period: Period) -> Sums:
    table = spend
    zone = _zone(db, tenant)
    found = select(table).where(table.c.tenant == tenant, *_days(table.c.day, period, zone))
    spent: dict[str, Counter[str]] = defaultdict(Counter)
    for row in db.execute(found).mappings():
        spent[row["channel"]][row["currency"]] += row["cost"]
    return spent


def _zone(db: Connection, tenant: str) -> ZoneInfo:
    zone = db.execute(select(tenants.c.zone).where(tenants.c.tenant == tenant)).scalar()
    return ZoneInfo(zone or "UTC")


def _within(at: Any, period: Period) -> Iterator[Any]:
    if period.since is not None:
        yield at >= micros(period.since)
    if period.until is not None:
        yield at < micros(period.until)


def _days(day: Any, period: Period, zone: ZoneInfo) -> Iterator[Any]:
    if period.since is not None:
        yield day >= _day(period.since, zone)
    if period.until is not None:
        yield day < _day(period.until, zone)


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _money(sums: Mapping[str, int]) -> tuple[Money, ...]:
    return tuple(
        Money(amount=amount, currency=currency) for currency, amount in sorted(sums.items())
    )
