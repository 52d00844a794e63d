"""What an ad cost, day by day; each day is said once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from campaigns.events import SpendRecorded
from chassis.decider import Decider
from chassis.errors import Rejected
from chassis.money import Money


class SpendDiffers(Rejected):
    """Other figures were recorded for this ad and day."""

    code = "spend_differs"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordSpend:
    """Write down what an ad cost on one day."""

    ad_id: str
    channel: str
    impressions: int
    clicks: int
    cost: Money
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Ad:
    """The days that are known."""

    days: Mapping[date, SpendRecorded] = field(default_factory=lambda: MappingProxyType({}))


def decide(ad: Ad, command: RecordSpend) -> Sequence[SpendRecorded]:
    """Record a day once; the same figures again are harmless, others are refused."""
    spent = SpendRecorded(
        ad_id=command.ad_id,
        channel=command.channel,
        impressions=command.impressions,
        clicks=command.clicks,
        cost=command.cost,
        day=command.day,
    )
    known = ad.days.get(command.day)
    if known is not None and known != spent:
        raise SpendDiffers(f"Other figures stand for {command.day.isoformat()}.")
    return [] if known else [spent]


def evolve(ad: Ad, event: SpendRecorded) -> Ad:
    """Apply one fact."""
    return Ad(days=MappingProxyType({**ad.days, event.day: event}))


AD: Decider[Ad, RecordSpend, SpendRecorded] = Decider(
    category="ad", initial=Ad(), decide=decide, evolve=evolve
)
