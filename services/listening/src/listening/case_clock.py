"""The clock of a case: warnings, one breach at most, and what stopping it changes."""

from collections.abc import Sequence
from datetime import datetime

from listening.case_commands import CallBreach, WarnOfDue
from listening.case_events import (
    CaseEvent,
    CaseOpened,
    CaseReopened,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
)
from listening.case_state import Case, opened_in


def warn(case: Case, command: WarnOfDue) -> Sequence[CaseEvent]:
    """Warn once for each share of the time, while the clock of that due time runs."""
    opened = opened_in(case, command.case_id)
    if not _runs(case, command.due_at) or command.pct in case.warned:
        return []
    return [
        SlaWarned(
            case_id=command.case_id,
            brand=opened.brand,
            turn=case.turn,
            pct=command.pct,
            due_at=command.due_at,
        )
    ]


def breach(case: Case, command: CallBreach) -> Sequence[CaseEvent]:
    """Call the present turn late, once."""
    opened = opened_in(case, command.case_id)
    if not _runs(case, command.due_at) or case.breached:
        return []
    return [_late(case, opened, opened.due_at)]


def stopped(
    case: Case, opened: CaseOpened | CaseReopened, at: datetime
) -> Sequence[SlaBreached | SlaBreachWithdrawn]:
    """Say what the moment at which a clock stopped changes about its breach."""
    if at > opened.due_at and not case.breached:
        return [_late(case, opened, at)]
    if at <= opened.due_at and case.breached:
        return [
            SlaBreachWithdrawn(
                case_id=opened.case_id,
                brand=opened.brand,
                turn=case.turn,
                due_at=opened.due_at,
                settled_at=at,
            )
        ]
    return []


def _late(case: Case, opened: CaseOpened | CaseReopened, at: datetime) -> SlaBreached:
    return SlaBreached(
        case_id=opened.case_id,
        brand=opened.brand,
        turn=case.turn,
        due_at=opened.due_at,
        by_s=int((at - opened.due_at).total_seconds()),
    )


def _runs(case: Case, due_at: datetime) -> bool:
    """Tell whether the clock that a timer was set for still runs."""
    return case.owed and case.due_at == due_at
