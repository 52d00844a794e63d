"""When a reply is due, with no server in sight."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.reply_clock import (
    Boundary,
    ImpossiblePolicy,
    NaiveTime,
    ReplyPolicy,
    reply_due,
    tier_at,
    warning_times,
)
from listening.work_calendar import Basis, UnknownCountry, UnknownZone, WorkCalendar

SHANGHAI = WorkCalendar(zone="Asia/Shanghai", country="CN")
LONDON = WorkCalendar(zone="Europe/London", country="GB")
NEW_YORK = WorkCalendar(zone="America/New_York", country="US")
AT_START = ReplyPolicy()
EARLIEST = ReplyPolicy(boundary="earliest")


def wall(text: str, calendar: WorkCalendar) -> datetime:
    """Read a wall time of the calendar's zone."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(calendar.zone))


GOLDEN = [
    ("2026-05-06 10:00", "2026-05-06 10:05", "2026-05-06 10:05"),
    ("2026-05-06 17:59:59", "2026-05-06 18:04:59", "2026-05-06 18:04:59"),
    ("2026-05-06 18:00", "2026-05-06 19:00", "2026-05-06 19:00"),
    ("2026-05-06 21:30", "2026-05-06 22:30", "2026-05-06 22:30"),
    ("2026-05-07 08:58", "2026-05-07 09:58", "2026-05-07 09:05"),
    ("2026-05-07 08:30", "2026-05-07 09:30", "2026-05-07 09:05"),
    ("2026-05-09 10:00", "2026-05-09 10:05", "2026-05-09 10:05"),
    ("2026-05-10 10:00", "2026-05-10 11:00", "2026-05-10 11:00"),
    ("2026-10-01 10:00", "2026-10-01 11:00", "2026-10-01 11:00"),
    ("2026-05-10 23:40", "2026-05-11 00:40", "2026-05-11 00:40"),
]


@pytest.mark.parametrize(("start", "at_start", "earliest"), GOLDEN)
def test_due_times_in_shanghai(start: str, at_start: str, earliest: str) -> None:
    """A brand in Shanghai would see a reply called late, or on time, wrongly."""
    moment = wall(start, SHANGHAI)

    assert reply_due(moment, AT_START, SHANGHAI).due_at == wall(at_start, SHANGHAI)
    assert reply_due(moment, EARLIEST, SHANGHAI).due_at == wall(earliest, SHANGHAI)


@pytest.mark.parametrize(
    ("calendar", "start", "due_utc"),
    [
        (LONDON, "2026-03-29 00:30+00:00", "2026-03-29 01:30+00:00"),
        (LONDON, "2026-10-25 00:30+00:00", "2026-10-25 01:30+00:00"),
        (LONDON, "2026-03-27 10:00+00:00", "2026-03-27 10:05+00:00"),
        (LONDON, "2026-03-30 08:00+00:00", "2026-03-30 08:05+00:00"),
        (LONDON, "2026-10-26 08:30+00:00", "2026-10-26 09:30+00:00"),
        (NEW_YORK, "2026-03-08 06:30+00:00", "2026-03-08 07:30+00:00"),
        (NEW_YORK, "2026-11-01 05:30+00:00", "2026-11-01 06:30+00:00"),
        (NEW_YORK, "2026-03-06 14:00+00:00", "2026-03-06 14:05+00:00"),
        (NEW_YORK, "2026-03-09 13:00+00:00", "2026-03-09 13:05+00:00"),
        (NEW_YORK, "2026-11-02 13:30+00:00", "2026-11-02 14:30+00:00"),
    ],
)
def test_a_change_of_the_clocks_neither_adds_nor_takes_an_hour(
    calendar: WorkCalendar, start: str, due_utc: str
) -> None:
    """Twice a year every reply of a London or New York tenant would be an hour off."""
    due = reply_due(datetime.fromisoformat(start), AT_START, calendar)

    assert due.due_at == datetime.fromisoformat(due_utc)


@pytest.mark.parametrize(
    ("calendar", "start", "due_utc"),
    [
        # Monday after the spring change: 08:58 BST is 07:58 UTC, and 09:05 BST is 08:05 UTC.
        (LONDON, "2026-03-30 07:58+00:00", "2026-03-30 08:05+00:00"),
        (LONDON, "2026-10-26 08:58+00:00", "2026-10-26 09:05+00:00"),
        (NEW_YORK, "2026-03-09 12:58+00:00", "2026-03-09 13:05+00:00"),
        (NEW_YORK, "2026-11-02 13:58+00:00", "2026-11-02 14:05+00:00"),
    ],
)
def test_the_opening_pulls_a_due_time_in_on_the_new_wall_clock(
    calendar: WorkCalendar, start: str, due_utc: str
) -> None:
    """The morning after a clock change would promise the old opening hour."""
    due = reply_due(datetime.fromisoformat(start), EARLIEST, calendar)

    assert due.due_at == datetime.fromisoformat(due_utc)


def test_an_opening_hour_inside_the_spring_gap_counts_from_where_the_gap_ends() -> None:
    """A tenant opening at 01:30 would miss its first hour on the day the clocks jump."""
    policy = ReplyPolicy(opens=time(1, 30), boundary="earliest")
    calendar = WorkCalendar(zone="Europe/London", country="IL")  # Sunday is a workday there

    due = reply_due(datetime(2026, 3, 29, 0, 50, tzinfo=UTC), policy, calendar)

    assert due.due_at == datetime(2026, 3, 29, 1, 5, tzinfo=UTC)


def test_the_peak_tier_is_off_until_it_has_a_target() -> None:
    """Evening replies would be promised faster than the brand agreed to."""
    evening = wall("2026-05-06 21:30", SHANGHAI)
    peak = ReplyPolicy(peak_target=timedelta(minutes=15))

    assert reply_due(evening, AT_START, SHANGHAI).tier == "other"
    assert reply_due(evening, peak, SHANGHAI).tier == "peak"
    assert reply_due(evening, peak, SHANGHAI).due_at == evening + timedelta(minutes=15)


def test_the_peak_pulls_in_and_ends_at_midnight() -> None:
    """A question at 20:50 or 00:00 would be put into the wrong tier."""
    policy = ReplyPolicy(peak_target=timedelta(minutes=15), boundary="earliest")

    assert reply_due(wall("2026-05-06 20:50", SHANGHAI), policy, SHANGHAI).due_at == wall(
        "2026-05-06 21:15", SHANGHAI
    )
    assert tier_at(wall("2026-05-07 00:00", SHANGHAI), policy, SHANGHAI) == "other"


def test_a_due_time_names_the_rules_it_came_from() -> None:
    """Nobody could explain later why a reply counted as late."""
    due = reply_due(wall("2026-05-06 10:00", SHANGHAI), AT_START, SHANGHAI)

    assert (due.tier, due.policy_v, due.calendar_basis) == ("day", "default-1", Basis.OFFICIAL)
    assert due.calendar_v.startswith("holidays-")
    assert due.due_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("country", "day", "basis", "works"),
    [
        ("CN", date(2026, 5, 9), Basis.OFFICIAL, True),
        ("CN", date(2026, 10, 10), Basis.OFFICIAL, True),
        ("CN", date(2026, 10, 7), Basis.OFFICIAL, False),
        ("CN", date(2099, 10, 1), Basis.MAKE_UP_DAYS_UNKNOWN, False),
        ("CN", date(2150, 10, 1), Basis.WEEKDAYS_ONLY, True),
        ("HK", date(2026, 7, 1), Basis.OFFICIAL, False),
        (None, date(2026, 10, 1), Basis.WEEKDAYS_ONLY, True),
    ],
)
def test_the_calendar_says_how_much_it_knows(
    country: str | None, day: date, basis: Basis, *, works: bool
) -> None:
    """A year nobody has announced yet would pass for the official calendar."""
    calendar = WorkCalendar(zone="Asia/Shanghai", country=country)

    assert (calendar.basis(day), calendar.is_workday(day)) == (basis, works)


def test_what_cannot_be_looked_up_is_refused() -> None:
    """A typing mistake in the settings would surface as a wrong due time."""
    with pytest.raises(UnknownZone):
        WorkCalendar(zone="Mars/Olympus")
    with pytest.raises(UnknownCountry):
        WorkCalendar(zone="Asia/Shanghai", country="Atlantis")
    with pytest.raises(ImpossiblePolicy):
        ReplyPolicy(opens=time(18), closes=time(9))
    with pytest.raises(ImpossiblePolicy):
        ReplyPolicy(day_target=timedelta())
    with pytest.raises(NaiveTime):
        reply_due(datetime(2026, 5, 6, 10), AT_START, SHANGHAI)  # noqa: DTZ001


moments = st.integers(min_value=0, max_value=40 * 366 * 86_400).map(
    lambda seconds: datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
calendars = st.sampled_from([SHANGHAI, LONDON, NEW_YORK])
targets = st.integers(min_value=1, max_value=180).map(lambda minutes: timedelta(minutes=minutes))


@st.composite
def policies(draw: st.DrawFn, boundary: Boundary = "start") -> ReplyPolicy:
    opens, closes, peak = sorted(draw(st.sets(st.integers(0, 1439), min_size=3, max_size=3)))
    return ReplyPolicy(
        day_target=draw(targets),
        other_target=draw(targets),
        peak_target=draw(st.none() | targets),
        opens=time(*divmod(opens, 60)),
        closes=time(*divmod(closes, 60)),
        peak_opens=time(*divmod(peak, 60)),
        boundary=boundary,
    )


@given(moments, policies(), calendars)
def test_due_is_the_start_and_its_tier_s_target(
    start: datetime, policy: ReplyPolicy, calendar: WorkCalendar
) -> None:
    """A reply could be owed before anybody asked, or later than promised."""
    due = reply_due(start, policy, calendar)

    assert due.due_at == start + policy.target(due.tier)
    assert due.due_at > start


@given(moments, policies("earliest"), calendars)
def test_earliest_is_the_least_that_any_minute_promises(
    start: datetime, policy: ReplyPolicy, calendar: WorkCalendar
) -> None:
    """A stricter tier that begins while a customer waits would be overlooked."""
    late = start + policy.target(tier_at(start, policy, calendar))
    first = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
    minutes = [first + timedelta(minutes=n) for n in range((late - start) // timedelta(minutes=1))]
    promised = [m + policy.target(tier_at(m, policy, calendar)) for m in minutes]

    due = reply_due(start, policy, calendar)

    assert due.due_at == min([late, *promised])
    assert start < due.due_at <= late


@given(moments, policies("earliest"), calendars, st.integers(-14, 14))
def test_the_zone_in_which_the_start_is_written_does_not_matter(
    start: datetime, policy: ReplyPolicy, calendar: WorkCalendar, offset: int
) -> None:
    """Two spellings of one moment would be due at two times."""
    elsewhere = start.astimezone(timezone(timedelta(hours=offset)))

    assert reply_due(elsewhere, policy, calendar) == reply_due(start, policy, calendar)


@given(moments, targets)
def test_warnings_come_in_order_before_the_due_time(start: datetime, span: timedelta) -> None:
    """The second warning would come first, or after the breach."""
    half, late = warning_times(start, start + span)

    assert half - start == span * 50 // 100
    assert start < half < late < start + span


def test_warnings_of_a_five_minute_promise() -> None:
    """An agent would be warned at the wrong minute."""
    start = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)

    assert warning_times(start, start + timedelta(minutes=5)) == (
        start + timedelta(minutes=2, seconds=30),
        start + timedelta(minutes=4),
    )
