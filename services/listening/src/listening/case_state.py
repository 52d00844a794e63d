"""What the rules need to know of a case, and how each fact changes it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from chassis.ids import derived_id
from listening.case_events import (
    CaseEscalated,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    CaseResolved,
    CaseTurnedComplaint,
    ReplyDrafted,
    ReplyFailed,
    ReplySent,
    SlaBreached,
    SlaBreachWithdrawn,
    SlaWarned,
)
from listening.case_refusals import NoSuchCase


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """What the rules need to know of a case.

    Args:
        turn: Counts the replies owed so far, the present one included.
        owed: Whether one is owed now.
        settled_at: When the last turn's clock was stopped.
        drafts: Replies on their way out.
    """

    turn: int = 0
    owed: bool = False
    opened: CaseOpened | CaseReopened | None = None
    complaint: bool = False
    due_at: datetime | None = None
    settled_at: datetime | None = None
    replied_at: datetime | None = None
    warned: frozenset[int] = frozenset()
    breached: bool = False
    resolved: bool = False
    drafts: dict[UUID, ReplyDrafted] = field(default_factory=dict)
    sent: frozenset[UUID] = frozenset()


def case_id(brand: str, root_id: UUID) -> UUID:
    """Return the one case of a brand and a conversation, however often it is reopened."""
    return derived_id("case", brand, root_id)


def evolve(case: Case, event: CaseEvent) -> Case:  # noqa: PLR0911  # one arm each
    """Apply one fact."""
    match event:
        case CaseOpened() | CaseReopened():
            return _owing(case, event)
        case CaseTurnedComplaint():
            return replace(case, complaint=True)
        case ReplyDrafted():
            return replace(case, drafts={**case.drafts, event.reply_id: event})
        case ReplySent():
            return _answered(case, event)
        case ReplyFailed():
            return _without_draft(case, event.reply_id) if event.final else case
        case SlaWarned():
            return replace(case, warned=case.warned | {event.pct})
        case SlaBreached() | SlaBreachWithdrawn():
            return replace(case, breached=isinstance(event, SlaBreached))
        case CaseResolved():
            return _closed(case, event)
        case CaseEscalated():
            return case
        case _:
            assert_never(event)


def opened_in(case: Case, wanted: UUID) -> CaseOpened | CaseReopened:
    """Return how the present turn began.

    Raises:
        NoSuchCase: nothing was ever owed to the conversation.
    """
    if case.opened is None:
        raise NoSuchCase(str(wanted))
    return case.opened


def _owing(case: Case, event: CaseOpened | CaseReopened) -> Case:
    return replace(
        case,
        turn=event.turn,
        owed=True,
        opened=event,
        complaint=event.type == "complaint",
        due_at=event.due_at,
        replied_at=None,
        warned=frozenset(),
        breached=False,
        resolved=False,
    )


def _answered(case: Case, event: ReplySent) -> Case:
    noted = replace(_without_draft(case, event.reply_id), sent=case.sent | {event.reply_id})
    if not case.owed or event.turn != case.turn:
        return noted
    at = event.at
    return replace(noted, owed=False, replied_at=at, settled_at=at, warned=frozenset())


def _closed(case: Case, event: CaseResolved) -> Case:
    settled = event.at if case.owed else case.settled_at
    return replace(case, owed=False, resolved=True, settled_at=settled, warned=frozenset())


def _without_draft(case: Case, reply_id: UUID) -> Case:
    return replace(case, drafts={k: v for k, v in case.drafts.items() if k != reply_id})
