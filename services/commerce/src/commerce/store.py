"""Store: where it is and when it is open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from chassis.clock import is_zone
from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from commerce.stores_events import Hours, StoreDescribed, StoreEvent

_DAY = timedelta(days=1)


class StoreUnknown(NotFound):
    """There is no such store."""

    code = "store_unknown"


class ZoneUnknown(Rejected):
    """Opening hours are in a zone of the time zone database."""

    code = "zone_unknown"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Store:
    """A store as it was last described."""

    described: StoreDescribed | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribeStore:
    """Say where a store is and when it is open; what was said before is replaced."""

    described: StoreDescribed


def decide(store: Store, command: DescribeStore) -> Sequence[StoreEvent]:
    """Turn a description into a fact, unless it says nothing new."""
    if not is_zone(command.described.zone):
        raise ZoneUnknown("Name the zone as Asia/Shanghai.")
    return [] if store.described == command.described else [command.described]


def evolve(_store: Store, event: StoreEvent) -> Store:
    """Apply one fact."""
    return Store(described=event)


def known(store: Store) -> StoreDescribed:
    """Return a store's description.

    Raises:
        StoreUnknown: nobody described it.
    """
    if store.described is None:
        raise StoreUnknown("Describe the store first.")
    return store.described


def is_open(hours: Sequence[Hours], zone: str, at: datetime) -> bool:
    """Say whether a store is open at a moment; a night belongs to the day it began on.

    >>> from datetime import UTC
    >>> late = (Hours(weekday=5, opens="18:00", closes="02:00"),)
    >>> saturday = datetime(2026, 5, 9, 1, 30, tzinfo=UTC)
    >>> is_open(late, "UTC", saturday), is_open(late, "Asia/Taipei", saturday)
    (True, False)
    """
    here = at.astimezone(ZoneInfo(zone))
    return any(
        _open_on(entry, here, begun)
        for begun in (here, here - _DAY)
        for entry in hours
        if entry.weekday == begun.isoweekday()
    )


def _open_on(entry: Hours, here: datetime, begun: datetime) -> bool:
    opens, closes = (
        datetime.combine(begun.date(), time.fromisoformat(text), tzinfo=here.tzinfo)
        for text in (entry.opens, entry.closes)
    )
    return opens <= here < (closes if closes > opens else closes + _DAY)


STORE: Decider[Store, DescribeStore, StoreEvent] = Decider(
    category="store", initial=Store(), decide=decide, evolve=evolve
)
