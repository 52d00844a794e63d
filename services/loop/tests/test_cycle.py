"""Weeks in a tenant's zone, and the byte form that hashes are over."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import micros
from loop.cycle import UnknownCycle, cycle_named, week_at, zone_of

ZONES = ["UTC", "Asia/Shanghai", "Europe/London", "America/New_York", "Asia/Kathmandu"]
MOMENTS = st.datetimes(datetime(2000, 1, 3), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds of aware times


@given(at=MOMENTS, name=st.sampled_from(ZONES))
def test_a_moment_lies_in_its_week_and_the_next_week_begins_where_it_ends(
    at: datetime, name: str
) -> None:
    """Otherwise an event is counted twice, or in no week, when the clocks change."""
    zone = ZoneInfo(name)
    week = week_at(micros(at), zone)
    assert week.start <= micros(at) < week.stop
    assert week_at(week.stop, zone).start == week.stop
    assert cycle_named(week.name, zone) == week
    assert datetime.fromtimestamp(week.start / 1e6, zone).strftime("%u %H:%M") == "1 00:00"


@pytest.mark.parametrize("name", ["", "2026", "2026-W99", "0000-W00", "2026-W19 "])
def test_a_week_that_does_not_exist_is_refused(name: str) -> None:
    """Otherwise a mistyped week shows empty numbers as if they were true."""
    with pytest.raises(UnknownCycle):
        cycle_named(name, UTC)


def test_an_unknown_zone_counts_in_utc() -> None:
    """Otherwise one bad tenant stops everybody's numbers."""
    assert zone_of("Nowhere/Land") is UTC
    assert zone_of("../../etc/passwd") is UTC
