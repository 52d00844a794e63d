"""What a tenant's quotas are called, what each of them counts, and how one is refused."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from math import ceil
from typing import Literal
from zoneinfo import ZoneInfo

from chassis.errors import Rejected
from chassis.quotas.periods import Per, Period

STORED = "stored_events"
UTC_ZONE = ZoneInfo("UTC")


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedLimit:
    """One quota; ``limit`` None is no limit, also where the installation has a default."""

    name: str
    limit: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """A quota that begins anew with each period."""

    name: str
    unit: Literal["request", "command", "event"]
    per: Per


COUNTED = (
    Counted(name="requests_a_minute", unit="request", per="minute"),
    Counted(name="commands_a_day", unit="command", per="day"),
    Counted(name="commands_a_month", unit="command", per="month"),
    Counted(name="events_a_day", unit="event", per="day"),
    Counted(name="events_a_month", unit="event", per="month"),
)
BY_NAME: Mapping[str, Counted] = {counted.name: counted for counted in COUNTED}


@dataclass(frozen=True, kw_only=True, slots=True)
class InForce:
    """What one tenant may do, and the zone in which its days and months are counted."""

    limits: Mapping[str, int] = field(default_factory=dict)
    zone: tzinfo = UTC_ZONE


class QuotaExceeded(Rejected):
    """The tenant's quota is used up."""

    code = "quota_exceeded"
    status = 429

    def __init__(self, name: str, limit: int, period: Period, now: datetime) -> None:
        super().__init__(f"{name}: {limit} is the limit until {period.ends.isoformat()}.")
        self.retry_after = max(1, ceil((period.ends - now).total_seconds()))
        self.quota = {"name": name, "limit": limit, "ends": period.ends.isoformat()}


class NoMoreAllowed(Rejected):
    """The tenant has as much as it may have."""

    code = "quota_exceeded"
    status = 403

    def __init__(self, name: str, limit: int) -> None:
        super().__init__(f"{name}: {limit} is the limit.")
        self.quota = {"name": name, "limit": limit, "ends": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What one service limits, and what a tenant may do there for whom nothing was set.

    Args:
        defaults: The installation's limits.
        stocks: The service's quotas of what a tenant has.

    >>> plan = Plan(defaults={"products": 9, "events_a_day": 7}, stocks=["products"])
    >>> named = [NamedLimit(name="watches", limit=5), NamedLimit(name="products", limit=None)]
    >>> plan.of(named).limits
    {'events_a_day': 7}
    """

    defaults: Mapping[str, int] = field(default_factory=dict)
    stocks: Collection[str] = ()

    def of(self, named: Iterable[NamedLimit] = (), zone: str = "UTC") -> InForce:
        """Return what counts for a tenant: its own limits, else the installation's."""
        merged = {**self.defaults, **{one.name: one.limit for one in named}}
        limits = {
            name: limit
            for name, limit in merged.items()
            if limit is not None and (name in BY_NAME or name == STORED or name in self.stocks)
        }
        return InForce(limits=limits, zone=ZoneInfo(zone))
