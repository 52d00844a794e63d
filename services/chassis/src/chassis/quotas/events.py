"""What every service records when a tenant comes near a quota, and when it has used it up."""

from dataclasses import dataclass
from datetime import UTC, datetime

from chassis.events import EventRegistry


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotaNearlyUsed:
    """A tenant has used four fifths of a quota; told once in its period.

    Where the quota has no period of its own, the period is the tenant's day.
    """

    quota: str
    limit: int
    used: int
    begins: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class QuotaUsedUp:
    """A tenant has used all of a quota; told once in its period.

    Where the quota has no period of its own, the period is the tenant's day.
    """

    quota: str
    limit: int
    used: int
    begins: datetime
    ends: datetime


QUOTA_NEARLY_USED = QuotaNearlyUsed(
    quota="events_a_day",
    limit=1000,
    used=800,
    begins=datetime(2026, 5, 5, 16, tzinfo=UTC),
    ends=datetime(2026, 5, 6, 16, tzinfo=UTC),
)
QUOTA_USED_UP = QuotaUsedUp(
    quota="events_a_day",
    limit=1000,
    used=1000,
    begins=datetime(2026, 5, 5, 16, tzinfo=UTC),
    ends=datetime(2026, 5, 6, 16, tzinfo=UTC),
)


def declare(registry: EventRegistry) -> None:
    """Register both events with a service."""
    registry.event("quota_nearly_used", public=True)(QuotaNearlyUsed)
    registry.event("quota_used_up", public=True)(QuotaUsedUp)
