"""What a tenant, and an operator, are shown of quotas and of what was metered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Annotated

from marshmallow import validate
from sqlalchemy import Connection

from chassis import direct
from chassis.quotas import hearing, metering
from chassis.quotas.limits import Plan
from chassis.quotas.use import use_of

READ = "quotas.read"


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotaView:
    """One quota: what is allowed, what is used, and from when to when it counts."""

    name: str
    limit: int
    used: int
    begins: datetime | None
    ends: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotasView:
    """A tenant's quotas at one service, and the zone of their days and months."""

    tenant: str
    service: str
    zone: str
    quotas: Sequence[QuotaView]


@dataclass(frozen=True, kw_only=True, slots=True)
class DaysWanted:
    """How many days to show, today included."""

    days: Annotated[int, validate.Range(min=1, max=62)] = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class KindView:
    """How many events of one kind were recorded."""

    kind: str
    events: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DayView:
    """What was recorded on one of the tenant's days."""

    day: date
    events: int
    kinds: Sequence[KindView]


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageView:
    """What a tenant has recorded at one service: in all, and on the last days, newest first."""

    tenant: str
    service: str
    zone: str
    stored: int
    days: Sequence[DayView]


def quotas_view(service: str, plan: Plan, db: Connection, tenant: str, now: datetime) -> QuotasView:
    """Return how much of its quotas a tenant has used."""
    return QuotasView(
        tenant=tenant,
        service=service,
        zone=str(_zone_of(plan, db, tenant)),
        quotas=[
            QuotaView(
                name=use.name,
                limit=use.limit,
                used=use.used,
                begins=use.period.begins if use.period else None,
                ends=use.period.ends if use.period else None,
            )
            for use in use_of(db, plan, tenant, now)
        ],
    )


def usage_view(
    service: str, plan: Plan, db: Connection, tenant: str, now: datetime, *, days: int
) -> UsageView:
    """Return what a tenant has recorded on its last days."""
    zone = _zone_of(plan, db, tenant)
    return UsageView(
        tenant=tenant,
        service=service,
        zone=str(zone),
        stored=metering.total(db, tenant),
        days=[
            DayView(
                day=date.fromisoformat(day.key),
                events=sum(kinds.values()),
                kinds=[KindView(kind=kind, events=events) for kind, events in kinds.items()],
            )
            for day, kinds in metering.by_day(db, tenant, zone, now, days=days)
        ],
    )


def _zone_of(plan: Plan, db: Connection, tenant: str) -> tzinfo:
    rows = direct.tuples(db, hearing.ONE, {"tenant": tenant})
    return hearing.in_force(plan, rows[0] if rows else ()).zone
