"""A case: the one reply that is owed to one conversation, turn by turn."""

from collections.abc import Sequence
from dataclasses import fields
from typing import assert_never

from chassis.decider import Decider
from listening.case_clock import breach, stopped, warn
from listening.case_commands import (
    CallBreach,
    CaseCommand,
    DraftReply,
    OpenCase,
    RecordReply,
    RecordReplyFailure,
    ResolveCase,
    WarnOfDue,
)
from listening.case_events import (
    CaseEvent,
    CaseOpened,
    CaseReopened,
    CaseResolved,
    CaseTurnedComplaint,
)
from listening.case_replies import draft, record_failed, record_sent
from listening.case_state import Case, evolve, opened_in

COMPLAINT, OTHER = 0, 1


def decide(case: Case, command: CaseCommand) -> Sequence[CaseEvent]:  # noqa: PLR0911  # one arm each
    """Turn a command into facts, or refuse it."""
    match command:
        case OpenCase():
            return _open(case, command)
        case DraftReply():
            return draft(case, command)
        case RecordReply():
            return record_sent(case, command)
        case RecordReplyFailure():
            return record_failed(case, command)
        case WarnOfDue():
            return warn(case, command)
        case CallBreach():
            return breach(case, command)
        case ResolveCase():
            return _resolve(case, command)
        case _:
            assert_never(command)


def _open(case: Case, command: OpenCase) -> Sequence[CaseEvent]:
    if case.owed:
        return _join(case, command)
    started = command.promise.clock_started_at
    if case.settled_at is not None and started <= case.settled_at:
        return []  # heard before the last answer, told to us after it
    cls = CaseReopened if case.turn else CaseOpened
    promise = {f.name: getattr(command.promise, f.name) for f in fields(command.promise)}
    return [
        cls(
            case_id=command.case_id,
            brand=command.brand,
            root_id=command.root_id,
            mention_id=command.mention_id,
            author_account=command.author_account,
            platform=command.platform,
            type=command.intent,
            priority=COMPLAINT if command.intent == "complaint" else OTHER,
            turn=case.turn + 1,
            product_refs=command.product_refs,
            author=command.author,
            **promise,
        )
    ]


def _join(case: Case, command: OpenCase) -> Sequence[CaseEvent]:
    if case.complaint or command.intent != "complaint":
        return []
    return [
        CaseTurnedComplaint(
            case_id=command.case_id,
            brand=command.brand,
            turn=case.turn,
            mention_id=command.mention_id,
            priority=COMPLAINT,
        )
    ]


def _resolve(case: Case, command: ResolveCase) -> Sequence[CaseEvent]:
    opened = opened_in(case, command.case_id)
    if case.resolved or command.turn not in (None, case.turn):
        return []
    resolved = CaseResolved(
        case_id=command.case_id,
        brand=opened.brand,
        turn=case.turn,
        outcome=command.outcome,
        at=command.at,
    )
    return [resolved, *(stopped(case, opened, command.at) if case.owed else ())]


CASE: Decider[Case, CaseCommand, CaseEvent] = Decider(
    category="case", initial=Case(), decide=decide, evolve=evolve
)
