"""The minutes, days and months in which a tenant's use is counted, in the tenant's own zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, assert_never

Per = Literal["minute", "day", "month"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """A stretch of time, its end excluded.

    Args:
        key: What it is called: the local date, the local month, the minute in UTC.
    """

    key: str
    begins: datetime
    ends: datetime

    def has(self, moment: datetime) -> bool:
        """Say whether a moment is in it."""
        return self.begins <= moment < self.ends


def period_at(per: Per, moment: datetime, zone: tzinfo) -> Period:
    """Return the period that a moment is in.

    A day of a zone begins at its first instant: where the clock is put forward over midnight
    that is the instant of the change, and such a day has fewer hours.

    >>> from zoneinfo import ZoneInfo
    >>> noon = datetime(2026, 3, 29, 12, tzinfo=UTC)
    >>> day = period_at("day", noon, ZoneInfo("Europe/Paris"))
    >>> day.key, day.ends - day.begins
    ('2026-03-29', datetime.timedelta(seconds=82800))
    """
    match per:
        case "minute":
            begins = moment.astimezone(UTC).replace(second=0, microsecond=0)
            ends = begins + timedelta(minutes=1)
            return Period(key=begins.strftime("%Y-%m-%dT%H:%M"), begins=begins, ends=ends)
        case "day":
            today = moment.astimezone(zone).date()
            return _between(today.isoformat(), today, today + timedelta(days=1), zone)
        case "month":
            first = moment.astimezone(zone).date().replace(day=1)
            following = (first + timedelta(days=31)).replace(day=1)
            return _between(first.isoformat()[:7], first, following, zone)
        case _:
            assert_never(per)


def day_of(day: date, zone: tzinfo) -> Period:
    """Return one day of a zone."""
    return _between(day.isoformat(), day, day + timedelta(days=1), zone)


def _between(key: str, first: date, following: date, zone: tzinfo) -> Period:
    return Period(key=key, begins=_begins(first, zone), ends=_begins(following, zone))


def _begins(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
