"""What can be asked of a case."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from listening.case_events import Organisation, Outcome, Promise, Standing
from listening.intent import Intent
from listening.persona import Persona

NOBODY = Standing()


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCase:
    """Owe a reply to a conversation in which somebody spoke."""

    case_id: UUID
    brand: str
    root_id: UUID
    mention_id: UUID
    author_account: UUID
    platform: str
    intent: Intent
    promise: Promise
    product_refs: tuple[str, ...] = ()
    author: Standing = NOBODY


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftReply:
    """Answer; ``sent_at`` when the platform took the reply long ago, as in an import."""

    case_id: UUID
    reply_id: UUID
    persona_id: UUID | None
    persona: Persona
    org: Organisation
    text: str
    sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordReply:
    """Take note that the platform took a reply."""

    case_id: UUID
    reply_id: UUID
    at: datetime
    platform_reply_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordReplyFailure:
    """Take note that the platform did not take a reply."""

    case_id: UUID
    reply_id: UUID
    error: str
    final: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WarnOfDue:
    """Warn that time runs out, for the due time that the timer was set for."""

    case_id: UUID
    due_at: datetime
    pct: int


@dataclass(frozen=True, kw_only=True, slots=True)
class CallBreach:
    """Call a reply late, for the due time that the timer was set for."""

    case_id: UUID
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolveCase:
    """Close a case; with a turn, only if that turn is still the present one."""

    case_id: UUID
    outcome: Outcome
    at: datetime
    turn: int | None = None


CaseCommand = (
    OpenCase | DraftReply | RecordReply | RecordReplyFailure | WarnOfDue | CallBreach | ResolveCase
)
