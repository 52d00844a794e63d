"""When a reply is due: a function of the start, the policy and the calendar, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from chassis.errors import Rejected
from listening.work_calendar import Basis, WorkCalendar

Tier = Literal["day", "peak", "other"]
Boundary = Literal["start", "earliest"]

_MIDNIGHT = time()
_MINUTE = timedelta(minutes=1)
_WARNINGS_PERCENT = (50, 80)


class ImpossiblePolicy(Rejected):
    """The working hours or targets contradict themselves."""

    code = "impossible_policy"
    status = 400


class NaiveTime(Rejected):
    """A moment without a zone cannot start a clock."""

    code = "naive_time"
    status = 400


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyPolicy:
    """How fast a brand promises to answer, by the hour the clock started.

    The peak tier runs from ``peak_opens`` to midnight and is off while it has no target.

    Raises:
        ImpossiblePolicy: Hours end before they begin, or a target is not positive.
    """

    version: str = "default-1"
    day_target: timedelta = timedelta(minutes=5)
    other_target: timedelta = timedelta(minutes=60)
    peak_target: timedelta | None = None
    opens: time = time(9)
    closes: time = time(18)
    peak_opens: time = time(21)
    boundary: Boundary = "start"

    def __post_init__(self) -> None:
        """Refuse a policy that promises nothing or the past."""
        if not self.opens < self.closes <= self.peak_opens:
            raise ImpossiblePolicy("Working hours must open, then close, then reach the peak.")
        targets = (self.day_target, self.other_target, self.peak_target or self.other_target)
        if not all(timedelta() < target <= timedelta(days=7) for target in targets):
            raise ImpossiblePolicy("A target lies between a moment and seven days.")

    def target(self, tier: Tier) -> timedelta:
        """Return how long a reply of this tier may take."""
        targets: dict[Tier, timedelta | None] = {
            "day": self.day_target,
            "peak": self.peak_target,
            "other": self.other_target,
        }
        return targets[tier] or self.other_target


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """When a reply is owed, and by which rules; the tier is that of the start."""

    tier: Tier
    due_at: datetime
    policy_v: str
    calendar_v: str
    calendar_basis: Basis


def reply_due(started_at: datetime, policy: ReplyPolicy, calendar: WorkCalendar) -> Due:
    """Work out when the reply to a conversation is due.

    Time runs as elapsed time, so a change of the clocks neither adds nor takes an hour.

    Raises:
        NaiveTime: ``started_at`` has no zone.
    """
    if started_at.tzinfo is None:
        raise NaiveTime(started_at.isoformat())
    start = started_at.astimezone(UTC)
    return Due(
        tier=tier_at(start, policy, calendar),
        due_at=_due_at(start, policy, calendar),
        policy_v=policy.version,
        calendar_v=calendar.version,
        calendar_basis=calendar.basis(calendar.local(start).date()),
    )


def tier_at(moment: datetime, policy: ReplyPolicy, calendar: WorkCalendar) -> Tier:
    """Return the tier that a moment falls into on the tenant's wall clock."""
    local = calendar.local(moment)
    wall = local.time()
    if policy.opens <= wall < policy.closes and calendar.is_workday(local.date()):
        return "day"
    if policy.peak_target is not None and wall >= policy.peak_opens:
        return "peak"
    return "other"


def warning_times(started_at: datetime, due_at: datetime) -> tuple[datetime, datetime]:
    """Return the moments when half and four fifths of the time are gone."""
    span = due_at - started_at
    half, late = (started_at + span * percent // 100 for percent in _WARNINGS_PERCENT)
    return half, late


def _due_at(start: datetime, policy: ReplyPolicy, calendar: WorkCalendar) -> datetime:
    def promised(moment: datetime) -> datetime:
        return moment + policy.target(tier_at(moment, policy, calendar))

    due = promised(start)
    if policy.boundary == "earliest":
        pulled = (promised(change) for change in _changes(start, due, policy, calendar))
        due = min((due, *pulled))
    return due


def _changes(
    start: datetime, end: datetime, policy: ReplyPolicy, calendar: WorkCalendar
) -> Iterator[datetime]:
    """Yield every moment after ``start`` at which a stricter tier may begin."""
    zone = ZoneInfo(calendar.zone)
    for day in _days(calendar.local(start).date(), calendar.local(end).date()):
        for wall in (_MIDNIGHT, policy.opens, policy.closes, policy.peak_opens):
            for moment in _readings(datetime.combine(day, wall, tzinfo=zone)):
                if start < moment <= end:
                    yield moment


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _readings(wall: datetime) -> Iterator[datetime]:
    """Yield the moments a wall time may mean: one, or each minute of a clock change.

    A wall time inside a spring gap never shows; the tier begins where the gap
    ends, and that minute lies between the two readings.
    """
    first, last = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    return (first + n * _MINUTE for n in range((last - first) // _MINUTE + 1))
