"""Everything that listening records about cases: one reply owed to one conversation."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from chassis.privacy import Personal
from listening.events import registry
from listening.intent import Intent
from listening.reply_clock import Tier
from listening.work_calendar import Basis

Outcome = Literal["answered", "no_reply_needed", "spam", "removed_at_source", "moved_offline"]
Organisation = Literal["brand", "agency"]
Escalation = Literal["channel_closed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What was known of an author at the moment the case opened."""

    person_id: str | None = None
    programmes: tuple[str, ...] = ()
    orders: int = 0
    open_cases: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Promise:
    """By when a reply is owed, and by which rules; nothing else went into it."""

    clock_started_at: datetime
    due_at: datetime
    tier: Tier
    policy_v: str
    calendar_v: str
    calendar_basis: Basis


@registry.event("case_opened", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseOpened:
    """A conversation is owed a reply, and its clock runs since the mention was discovered."""

    case_id: UUID
    brand: str
    root_id: UUID
    mention_id: UUID
    author_account: UUID
    platform: str
    type: Intent
    priority: int
    turn: int
    policy_v: str
    calendar_v: str
    calendar_basis: Basis
    tier: Tier
    clock_started_at: datetime
    due_at: datetime
    product_refs: tuple[str, ...]
    author: Standing


@registry.event("case_reopened", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReopened:
    """Somebody spoke again in a closed conversation, which is owed one more reply."""

    case_id: UUID
    brand: str
    root_id: UUID
    mention_id: UUID
    author_account: UUID
    platform: str
    type: Intent
    priority: int
    turn: int
    policy_v: str
    calendar_v: str
    calendar_basis: Basis
    tier: Tier
    clock_started_at: datetime
    due_at: datetime
    product_refs: tuple[str, ...]
    author: Standing


@registry.event("case_turned_complaint", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseTurnedComplaint:
    """Somebody complains in a conversation that waits for a reply to something milder."""

    case_id: UUID
    brand: str
    turn: int
    mention_id: UUID
    priority: int


@registry.event("reply_drafted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyDrafted:
    """An agent answered under a persona; unless it was sent elsewhere long ago, it goes out now."""

    case_id: UUID
    reply_id: UUID
    turn: int
    persona_id: UUID
    persona_name: str
    org: Organisation
    mention_id: UUID
    author_account: UUID
    platform: str
    text: Annotated[str | None, Personal("author_account")]
    already_sent: bool


@registry.event("reply_sent", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplySent:
    """The platform took a reply; ``latency_s`` runs from discovery."""

    case_id: UUID
    brand: str
    reply_id: UUID
    turn: int
    persona_id: UUID
    author_account: UUID
    platform_reply_id: Annotated[str | None, Personal("author_account")]
    at: datetime
    latency_s: int
    within: bool


@registry.event("reply_failed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyFailed:
    """The platform did not take a reply; unless that is final it is tried again, with one key."""

    case_id: UUID
    reply_id: UUID
    turn: int
    error: str
    final: bool


@registry.event("case_escalated", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseEscalated:
    """A case cannot go on by itself; its clock keeps running."""

    case_id: UUID
    brand: str
    turn: int
    because: Escalation


@registry.event("sla_warned", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class SlaWarned:
    """So many percent of the time for a reply are gone."""

    case_id: UUID
    brand: str
    turn: int
    pct: int
    due_at: datetime


@registry.event("sla_breached", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class SlaBreached:
    """A reply is late: its time ran out, or it came after its time; ``by_s`` as far as known."""

    case_id: UUID
    brand: str
    turn: int
    due_at: datetime
    by_s: int


@registry.event("sla_breach_withdrawn", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class SlaBreachWithdrawn:
    """A breach was called before word came that the conversation had been settled in time."""

    case_id: UUID
    brand: str
    turn: int
    due_at: datetime
    settled_at: datetime


@registry.event("case_resolved", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResolved:
    """Nothing is owed to a conversation any more, and this is why."""

    case_id: UUID
    brand: str
    turn: int
    outcome: Outcome
    at: datetime


CaseEvent = (
    CaseOpened
    | CaseReopened
    | CaseTurnedComplaint
    | ReplyDrafted
    | ReplySent
    | ReplyFailed
    | CaseEscalated
    | SlaWarned
    | SlaBreached
    | SlaBreachWithdrawn
    | CaseResolved
)
