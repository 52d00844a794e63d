"""The process from a mention to its reply: read it, owe a reply, watch the clock, close."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import assert_never
from uuid import UUID

from chassis.processes import Process, Reaction, Refused, Step, Timer, UseCase
from chassis.timers import TimerFired
from listening import handlers
from listening.case import CASE
from listening.case_commands import CallBreach, ResolveCase, WarnOfDue
from listening.case_events import CaseOpened, CaseReopened, CaseResolved, ReplySent
from listening.case_state import case_id
from listening.events import MentionDetected
from listening.mention import MENTION, classify
from listening.reply_clock import warning_times

Trigger = (
    MentionDetected | CaseOpened | CaseReopened | ReplySent | CaseResolved | TimerFired | Refused
)
HALF, LATE, DUE = "half", "late", "due"
_PERCENT = {HALF: 50, LATE: 80}


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Which reply a conversation waits for.

    Args:
        moments: When each timer of the present turn is due.
    """

    turn: int = 0
    due_at: datetime | None = None
    moments: dict[str, datetime] = field(default_factory=dict)


def react(waiting: Waiting, trigger: Trigger) -> Reaction[Waiting]:
    """Say what follows from a trigger."""
    match trigger:
        case MentionDetected():
            return Reaction(state=waiting, steps=_take_up(trigger))
        case CaseOpened() | CaseReopened():
            return _start(trigger)
        case TimerFired():
            return Reaction(state=waiting, steps=_time_is_up(waiting, trigger))
        case ReplySent() | CaseResolved():
            return _stop(waiting, trigger)
        case Refused():
            return Reaction(state=waiting)
        case _:
            assert_never(trigger)


def conversation_of(trigger: Trigger) -> str | None:
    """Return the case that a trigger belongs to; one conversation is one instance."""
    match trigger:
        case MentionDetected():
            return str(case_id(trigger.brand, trigger.root_id))
        case CaseOpened() | CaseReopened() | ReplySent() | CaseResolved():
            return str(trigger.case_id)
        case TimerFired() | Refused():
            return None
        case _:
            assert_never(trigger)


def _take_up(detected: MentionDetected) -> Sequence[Step | UseCase]:
    read = classify(detected)
    return [
        Step(
            name=f"classify {detected.mention_id}",
            decider=MENTION,
            entity_id=detected.mention_id,
            command=read,
        ),
        UseCase(
            name=f"open for {detected.mention_id}",
            run=partial(handlers.open_case, detected=detected, intent=read.intent),
        ),
    ]


def _start(opened: CaseOpened | CaseReopened) -> Reaction[Waiting]:
    half, late = warning_times(opened.clock_started_at, opened.due_at)
    moments = {HALF: half, LATE: late, DUE: opened.due_at}
    return Reaction(
        state=Waiting(turn=opened.turn, due_at=opened.due_at, moments=moments),
        timers=[Timer(name=name, due_at=due_at) for name, due_at in moments.items()],
    )


def _time_is_up(waiting: Waiting, fired: TimerFired) -> Sequence[Step]:
    if waiting.due_at is None or waiting.moments.get(fired.name) != fired.due_at:
        return []  # it was set for an earlier turn
    case = UUID(fired.key)
    command: WarnOfDue | CallBreach = CallBreach(case_id=case, due_at=waiting.due_at)
    if fired.name in _PERCENT:
        percent = _PERCENT[fired.name]
        command = WarnOfDue(case_id=case, due_at=waiting.due_at, pct=percent)
    return [Step(name=fired.name, decider=CASE, entity_id=case, command=command)]


def _stop(waiting: Waiting, settled: ReplySent | CaseResolved) -> Reaction[Waiting]:
    if settled.turn != waiting.turn:
        return Reaction(state=waiting)
    timers = [Timer(name=name, due_at=None) for name in (HALF, LATE, DUE)]
    if isinstance(settled, CaseResolved):
        return Reaction(state=waiting, timers=timers, finished=True)
    command = ResolveCase(
        case_id=settled.case_id, outcome="answered", at=settled.at, turn=settled.turn
    )
    close = Step(name="resolve", decider=CASE, entity_id=settled.case_id, command=command)
    return Reaction(state=waiting, steps=[close], timers=timers)


MENTION_REPLY: Process[Waiting] = Process(
    name="mention_reply",
    initial=Waiting(),
    triggers=(MentionDetected, CaseOpened, CaseReopened, ReplySent, CaseResolved),
    key_of=conversation_of,
    react=react,
)
