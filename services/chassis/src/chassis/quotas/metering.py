"""Meter what was recorded: events of each tenant, by kind and by the quarter hour they came in.

Every zone's days and months begin at a quarter hour of UTC, so any of them is a sum of quarters:
a tenant that moves to another zone, or a clock that is put back, changes how events are summed up
and never whether they are counted.  An event counts when it was recorded.  What arrives late does
not change a day that is over, and folding the log again gives the same rows.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from sqlalchemy import Connection

from chassis import direct
from chassis.changes import Change, Changes
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from chassis.quotas.periods import Period, day_of
from chassis.quotas.tables import metered, metered_totals

METERING = "metering"
_QUARTER = 15 * 60 * 1_000_000
_BY_KIND = """SELECT kind, sum(events) AS events FROM metered
WHERE tenant = :tenant AND quarter >= :begins AND quarter < :ends GROUP BY kind ORDER BY kind"""
TOTAL = "SELECT events FROM metered_totals WHERE tenant = :tenant"


def metering() -> Projection:
    """Return the read model of what was recorded, for a service's list of projections."""
    projection = Projection(METERING, [metered, metered_totals])
    projection.fold_every(_metered)
    return projection


def by_kind(db: Connection, tenant: str, period: Period) -> dict[str, int]:
    """Return how many events of each kind a tenant recorded in a period."""
    values = {
        "tenant": tenant,
        "begins": micros(period.begins),
        "ends": micros(period.ends),
    }
    return {kind: int(events) for kind, events in direct.tuples(db, _BY_KIND, values)}


def by_day(
    db: Connection, tenant: str, zone: tzinfo, now: datetime, *, days: int
) -> list[tuple[Period, dict[str, int]]]:
    """Return what a tenant recorded on each of the last days, the newest first."""
    today = now.astimezone(zone).date()
    last = [day_of(today - timedelta(days=back), zone) for back in range(days)]
    return [(day, by_kind(db, tenant, day)) for day in last]


def total(db: Connection, tenant: str) -> int:
    """Return how many events of a tenant the log has, as far as they were metered."""
    return int(direct.scalar(db, TOTAL, {"tenant": tenant}) or 0)


def _metered(envelope: Envelope) -> Changes:
    quarter = micros(envelope.recorded_at) // _QUARTER * _QUARTER
    yield _one_more(metered, tenant=envelope.tenant, quarter=quarter, kind=envelope.type)
    yield _one_more(metered_totals, tenant=envelope.tenant)


def _one_more(table: Any, **key: Any) -> Change:
    return Change(table, key, lambda row: {**key, "events": (row["events"] if row else 0) + 1})
