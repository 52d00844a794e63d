"""Periods follow each other without gap or overlap, in every zone and across changes of clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.quotas.periods import Per, day_of, period_at

ZONES = sorted(zone for zone in available_timezones() if "/" in zone)
_FIRST = datetime(1990, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 50 * 365 * 86400).map(lambda n: _FIRST + timedelta(seconds=n))
PERS = st.sampled_from(["minute", "day", "month"])


@given(zone=st.sampled_from(ZONES), moment=MOMENTS, per=PERS)
def test_every_moment_is_in_one_period(zone: str, moment: datetime, per: Per) -> None:
    """What is done around midnight would count twice, or not at all."""
    where = ZoneInfo(zone)
    period = period_at(per, moment, where)
    before = period_at(per, period.begins - timedelta(microseconds=1), where)
    after = period_at(per, period.ends, where)

    assert period.begins <= moment < period.ends
    assert (before.ends, after.begins) == (period.begins, period.ends)
    assert len({before.key, period.key, after.key}) == 3


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Paris", "2026-03-29", 23),
        ("Europe/Paris", "2026-10-25", 25),
        ("Asia/Beirut", "2025-03-30", 23),
        ("America/Havana", "2025-11-02", 25),
        ("Asia/Kathmandu", "2026-03-29", 24),
    ],
)
def test_a_day_has_the_hours_that_its_clock_shows(zone: str, day: str, hours: int) -> None:
    """A day's quota would begin an hour early or late twice a year."""
    period = day_of(datetime.fromisoformat(day).date(), ZoneInfo(zone))

    assert period.ends - period.begins == timedelta(hours=hours)
    assert period_at("day", period.begins, ZoneInfo(zone)) == period


@given(zone=st.sampled_from(ZONES), moment=MOMENTS)
def test_days_begin_at_a_quarter_of_an_hour(zone: str, moment: datetime) -> None:
    """Metering by quarter hours would put events of one day into another."""
    begins = period_at("day", moment, ZoneInfo(zone)).begins

    if zone != "Africa/Monrovia" or moment.year > 1972:
        assert begins.timestamp() % 900 == 0
