"""How a conversation is answered: a reply is drafted, taken by its platform, or not taken."""

from collections.abc import Sequence
from uuid import UUID

from listening.case_clock import stopped
from listening.case_commands import DraftReply, RecordReply, RecordReplyFailure
from listening.case_events import (
    CaseEscalated,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    ReplyDrafted,
    ReplyFailed,
    ReplySent,
)
from listening.case_refusals import (
    NeverDrafted,
    NothingToAnswer,
    OnlyTheBrandAnswersComplaints,
    PersonaOfAnotherBrand,
    ReplyUnderway,
    WithoutPersona,
)
from listening.case_state import Case, evolve, opened_in


def draft(case: Case, command: DraftReply) -> Sequence[CaseEvent]:
    """Answer under a persona; a reply that was sent long ago is recorded as sent at once."""
    opened = opened_in(case, command.case_id)
    if command.reply_id in case.drafts or command.reply_id in case.sent:
        return []
    persona_id = _persona(opened, command)
    _check_turn(case, command)
    drafted = _drafted(case, opened, command, persona_id)
    if command.sent_at is None:
        return [drafted]
    record = RecordReply(case_id=command.case_id, reply_id=command.reply_id, at=command.sent_at)
    return [drafted, *record_sent(evolve(case, drafted), record)]


def record_sent(case: Case, command: RecordReply) -> Sequence[CaseEvent]:
    """Record once that a reply went out, and what that means for the clock."""
    opened = opened_in(case, command.case_id)
    if command.reply_id in case.sent:
        return []
    if command.reply_id not in case.drafts:
        raise NeverDrafted(str(command.reply_id))
    drafted = case.drafts[command.reply_id]
    waited = command.at - opened.clock_started_at
    reply = ReplySent(
        case_id=command.case_id,
        brand=opened.brand,
        reply_id=command.reply_id,
        turn=drafted.turn,
        persona_id=drafted.persona_id,
        author_account=opened.author_account,
        platform_reply_id=command.platform_reply_id,
        at=command.at,
        latency_s=max(0, int(waited.total_seconds())),
        within=command.at <= opened.due_at,
    )
    answers = case.owed and drafted.turn == case.turn
    return [reply, *(stopped(case, opened, command.at) if answers else ())]


def record_failed(case: Case, command: RecordReplyFailure) -> Sequence[CaseEvent]:
    """Record that a reply did not go out; when it never will, the case is escalated."""
    opened = opened_in(case, command.case_id)
    if command.reply_id not in case.drafts:
        return []
    failed = ReplyFailed(
        case_id=command.case_id,
        reply_id=command.reply_id,
        turn=case.turn,
        error=command.error,
        final=command.final,
    )
    if not command.final:
        return [failed]
    escalated = CaseEscalated(
        case_id=command.case_id, brand=opened.brand, turn=case.turn, because="channel_closed"
    )
    return [failed, escalated]


def _persona(opened: CaseOpened | CaseReopened, command: DraftReply) -> UUID:
    if command.persona_id is None or command.persona.brand is None:
        raise WithoutPersona("Name a registered persona.")
    if command.persona.brand != opened.brand:
        raise PersonaOfAnotherBrand(f"The persona answers for {command.persona.brand}.")
    return command.persona_id


def _check_turn(case: Case, command: DraftReply) -> None:
    if case.complaint and command.org != "brand":
        raise OnlyTheBrandAnswersComplaints("A complaint is answered by the brand itself.")
    if not case.owed:
        raise NothingToAnswer("No reply is owed to this conversation now.")
    if case.drafts:
        raise ReplyUnderway("Another reply is on its way.")


def _drafted(
    case: Case, opened: CaseOpened | CaseReopened, command: DraftReply, persona_id: UUID
) -> ReplyDrafted:
    return ReplyDrafted(
        case_id=command.case_id,
        reply_id=command.reply_id,
        turn=case.turn,
        persona_id=persona_id,
        persona_name=command.persona.name,
        org=command.org,
        mention_id=opened.mention_id,
        author_account=opened.author_account,
        platform=opened.platform,
        text=command.text,
        already_sent=command.sent_at is not None,
    )
