"""What commerce's reports read: how fast it was, and where a day's orders came from."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from chassis.clock import micros, moment
from chassis.errors import Rejected
from chassis.money import Money
from commerce.reports_messages import (
    OriginsView,
    OriginView,
    Reaction,
    ReactionsView,
    ReactionsWanted,
)
from commerce.reports_tables import reaction_times
from commerce.settings import Targets
from commerce.tables import board, tenants

USUAL_DAYS, MOST_DAYS = 7, 92
NO_SALE = ("cancelled", "expired")
SOLD = ("confirmed", "completed")


class TooManyDays(Rejected):
    """The report is over a limited time, in its order."""

    code = "too_many_days"
    status = 422


def zone_of(db: Connection, tenant: str) -> ZoneInfo:
    """Return the zone that a company's days are in; UTC until it is known."""
    known = db.execute(select(tenants.c.zone).where(tenants.c.tenant == tenant)).scalar()
    return ZoneInfo(known or "UTC")


def reaction_report(
    db: Connection, tenant: str, wanted: ReactionsWanted, *, targets: Targets, today: date
) -> list[ReactionsView]:
    """Return how fast each day's orders were reacted to; days without orders are left out.

    Raises:
        TooManyDays: there are too many, or the last comes before the first.
    """
    until = wanted.until or today
    since = wanted.since or until - timedelta(days=USUAL_DAYS - 1)
    if not 0 <= (until - since).days < MOST_DAYS:
        raise TooManyDays(f"Ask for 1 to {MOST_DAYS} days, the first one first.")
    zone, days = zone_of(db, tenant), defaultdict(list)
    for row in _timed(db, tenant, since, until, zone):
        days[moment(row["placed_at"]).astimezone(zone).date()].append(row)
    return [_reactions(day, days[day], targets) for day in sorted(days)]


def origin_report(db: Connection, tenant: str, day: date) -> OriginsView:
    """Return where a day's orders came from; those that led to no sale are left out."""
    row = board.c
    first, behind = _bounds(day, day, zone_of(db, tenant))
    found = db.execute(
        select(row.platform, row.status, row.currency, func.count(), func.sum(row.total))
        .where(
            row.tenant == tenant,
            row.placed_at >= first,
            row.placed_at < behind,
            row.status.not_in(NO_SALE),
        )
        .group_by(row.platform, row.status, row.currency)
    )
    counts: Counter[str] = Counter()
    revenue: dict[str, Counter[str]] = defaultdict(Counter)
    for platform, status, currency, orders, total in found:
        counts[platform] += orders
        if status in SOLD:
            revenue[platform][currency] += int(total)
    ranked = sorted(counts, key=lambda platform: (-counts[platform], platform))
    origins = tuple(_origin(name, counts, revenue[name]) for name in ranked)
    return OriginsView(day=day, orders=counts.total(), origins=origins)


def nearest_rank(times: Sequence[int], percent: int) -> int | None:
    """Return the smallest value that so many percent do not exceed.

    >>> nearest_rank([30, 10, 20], 50), nearest_rank([30, 10, 20], 99), nearest_rank([], 50)
    (20, 30, None)
    """
    ranked = sorted(times)
    return ranked[max(ceil(len(ranked) * percent / 100), 1) - 1] if ranked else None


def _timed(
    db: Connection, tenant: str, since: date, until: date, zone: ZoneInfo
) -> Iterator[Mapping[str, Any]]:
    row = reaction_times.c
    first, behind = _bounds(since, until, zone)
    page = select(reaction_times).where(
        row.tenant == tenant, row.measured, row.placed_at >= first, row.placed_at < behind
    )
    yield from (dict(found) for found in db.execute(page).mappings())


def _reactions(day: date, rows: Sequence[Mapping[str, Any]], targets: Targets) -> ReactionsView:
    whole = [row for row in rows if row["reserved"] >= row["lines"]]
    return ReactionsView(
        day=day,
        orders=len(rows),
        reserved=_reaction(_since_placed(whole, "reserved_at"), targets.reserved),
        requested=_reaction(_since_placed(rows, "requested_at"), targets.requested),
    )


def _since_placed(rows: Iterable[Mapping[str, Any]], until: str) -> list[int]:
    """Return milliseconds; clocks of two machines may differ by less than nothing."""
    return [max(row[until] - row["placed_at"], 0) // 1000 for row in rows if row[until] is not None]


def _reaction(times: Sequence[int], target: timedelta) -> Reaction:
    limit = target // timedelta(milliseconds=1)
    within = sum(time <= limit for time in times)
    return Reaction(
        target_ms=limit,
        count=len(times),
        within=round(within / len(times), 4) if times else None,
        p50_ms=nearest_rank(times, 50),
        p90_ms=nearest_rank(times, 90),
        p99_ms=nearest_rank(times, 99),
    )


def _origin(platform: str, counts: Counter[str], revenue: Counter[str]) -> OriginView:
    return OriginView(
        platform=platform,
        orders=counts[platform],
        share=round(counts[platform] / counts.total(), 4),
        revenue=tuple(Money(amount=revenue[name], currency=name) for name in sorted(revenue)),
    )


def _bounds(since: date, until: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first moment of the first day and the first one behind the last."""
    first, behind = (
        datetime.combine(day, time.min, tzinfo=zone) for day in (since, until + timedelta(days=1))
    )
    return micros(first), micros(behind)
