"""Working days: which local dates count as work, and how sure the packaged holidays are."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from importlib.metadata import version
from zoneinfo import ZoneInfo

import holidays

from chassis.clock import is_zone
from chassis.errors import Rejected

_DECREED_EACH_YEAR = frozenset({"CN"})
"""Countries whose make-up workdays are announced one year at a time."""

_SATURDAY = 5
_VERSION = f"holidays-{version('holidays')}"


class UnknownZone(Rejected):
    """The time zone is not in the IANA database."""

    code = "unknown_zone"
    status = 400


class UnknownCountry(Rejected):
    """No holidays are packaged for the country."""

    code = "unknown_country"
    status = 400


class Basis(StrEnum):
    """How much of the official calendar stood behind an answer."""

    OFFICIAL = "official"
    MAKE_UP_DAYS_UNKNOWN = "make_up_days_unknown"
    WEEKDAYS_ONLY = "weekdays_only"


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkCalendar:
    """The working days of one tenant: a zone, a country's holidays, and their version.

    Raises:
        UnknownZone: The zone does not exist.
        UnknownCountry: The country has no packaged holidays.
    """

    zone: str
    country: str | None = None
    version: str = _VERSION

    def __post_init__(self) -> None:
        """Refuse what could not be looked up later."""
        if not is_zone(self.zone):
            raise UnknownZone(self.zone)
        if self.country is not None and self.country not in holidays.list_supported_countries():
            raise UnknownCountry(self.country)

    def local(self, at: datetime) -> datetime:
        """Return the wall time of an aware moment."""
        return at.astimezone(ZoneInfo(self.zone))

    def is_workday(self, day: date) -> bool:
        """Tell whether people work on a local date; make-up workdays count.

        >>> WorkCalendar(zone="Asia/Shanghai", country="CN").is_workday(date(2026, 5, 9))
        True
        """
        if self.basis(day) is Basis.WEEKDAYS_ONLY or self.country is None:
            return day.weekday() < _SATURDAY
        return _year(self.country, day.year).is_working_day(day)

    def basis(self, day: date) -> Basis:
        """Say how much of the official calendar is known for a local date."""
        if self.country is None:
            return Basis.WEEKDAYS_ONLY
        return _basis(self.country, day.year)


@lru_cache(maxsize=256)
def _year(country: str, year: int) -> holidays.HolidayBase:
    return holidays.country_holidays(country, years=[year], expand=False)


@lru_cache(maxsize=256)
def _basis(country: str, year: int) -> Basis:
    packaged = _year(country, year)
    if not packaged.start_year <= year <= packaged.end_year or not packaged:
        return Basis.WEEKDAYS_ONLY
    announced = any(day.year == year for day in packaged.weekend_workdays)
    if country in _DECREED_EACH_YEAR and not announced:
        return Basis.MAKE_UP_DAYS_UNKNOWN
    return Basis.OFFICIAL
