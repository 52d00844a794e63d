"""A brand's own reply times: what it promises by the hour at which it discovers a mention."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from chassis.decider import Decider
from chassis.ids import derived_id
from listening.events import PolicyEvent, ReplyPolicyChanged
from listening.reply_clock import Boundary, ImpossiblePolicy, ReplyPolicy


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeReplyPolicy:
    """Promise other reply times."""

    brand: str
    day_minutes: int = 5
    other_minutes: int = 60
    peak_minutes: int | None = None
    opens: str = "09:00"
    closes: str = "18:00"
    peak_opens: str = "21:00"
    boundary: Boundary = "start"


@dataclass(frozen=True, kw_only=True, slots=True)
class Promises:
    """What the brand promises now, and how often that has changed."""

    changes: int = 0
    current: ReplyPolicyChanged | None = None


def policy_id(brand: str) -> UUID:
    """Return the id of a brand's policy."""
    return derived_id("reply policy", brand)


def decide(promises: Promises, command: ChangeReplyPolicy) -> Sequence[PolicyEvent]:
    """Change the promises.

    Raises:
        ImpossiblePolicy: hours or targets contradict themselves.
    """
    changed = _changed(command, version=promises.changes + 1)
    policy_of(changed)
    if promises.current == _changed(command, version=promises.changes):
        return []
    return [changed]


def evolve(promises: Promises, event: PolicyEvent) -> Promises:
    """Apply one fact."""
    return Promises(changes=promises.changes + 1, current=event)


def policy_of(event: ReplyPolicyChanged) -> ReplyPolicy:
    """Return the policy that an event describes.

    Raises:
        ImpossiblePolicy: hours or targets contradict themselves.
    """
    try:
        opens, closes, peak_opens = event.hours
    except ValueError:
        raise ImpossiblePolicy("Hours are written as 09:00.") from None
    return ReplyPolicy(
        version=event.policy_v,
        day_target=timedelta(minutes=event.day_minutes),
        other_target=timedelta(minutes=event.other_minutes),
        peak_target=None if event.peak_minutes is None else timedelta(minutes=event.peak_minutes),
        opens=_plain(opens),
        closes=_plain(closes),
        peak_opens=_plain(peak_opens),
        boundary=event.boundary,
    )


def _plain(wall: time) -> time:
    if wall.tzinfo is not None:
        raise ImpossiblePolicy("Hours are written without a zone.")
    return wall


def _changed(command: ChangeReplyPolicy, *, version: int) -> ReplyPolicyChanged:
    return ReplyPolicyChanged(
        brand=command.brand,
        policy_v=f"own-{version}",
        day_minutes=command.day_minutes,
        other_minutes=command.other_minutes,
        peak_minutes=command.peak_minutes,
        opens=command.opens,
        closes=command.closes,
        peak_opens=command.peak_opens,
        boundary=command.boundary,
    )


REPLY_POLICY: Decider[Promises, ChangeReplyPolicy, PolicyEvent] = Decider(
    category="reply_policy", initial=Promises(), decide=decide, evolve=evolve
)
