"""What callers get back from listening."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from listening.case_events import Standing


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchMade:
    """Which watch it is."""

    watch_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchView:
    """A watch as it stands."""

    watch_id: UUID
    brand: str
    terms: tuple[str, ...]
    exclude: tuple[str, ...]
    platforms: tuple[str, ...]
    require_at: bool
    listening: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaView:
    """A persona."""

    persona_id: UUID
    brand: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyMade:
    """Which version of its promises a brand now has."""

    policy_v: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """Where a recorded mention led: the case that owes it a reply opens in a moment."""

    mention_id: UUID
    brand: str
    case_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionTaken:
    """What became of one post."""

    mention_id: UUID
    recorded: int
    duplicates: int
    unmatched: int
    conversations: tuple[Conversation, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedRow:
    """Why one row was not taken; rows count from 1."""

    row: int
    code: str
    reason: Any
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportTaken:
    """What became of the rows of an import."""

    recorded: int = 0
    duplicates: int = 0
    unmatched: int = 0
    refused: tuple[RefusedRow, ...] = ()
    conversations: tuple[Conversation, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionView:
    """A mention; what its author wrote only for who may read it, and while it can be read."""

    mention_id: UUID
    brand: str
    case_id: UUID
    platform: str
    kind: str
    author_account: UUID
    is_at: bool
    lang: str
    polarity: str | None
    intent: str | None
    posted_at: datetime
    detected_at: datetime
    author_name: str | None = None
    text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionPage:
    """Some mentions, the newest first."""

    mentions: tuple[MentionView, ...]
    next: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseRow:
    """One reply owed, or settled."""

    case_id: UUID
    turn: int
    brand: str
    platform: str
    mention_id: UUID
    author_account: UUID
    author: Standing
    type: str
    priority: int
    tier: str
    calendar_basis: str
    clock_started_at: datetime
    due_at: datetime
    breached: bool
    replied_at: datetime | None
    outcome: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class CasePage:
    """Some cases: complaints first, then the one that is due first."""

    cases: tuple[CaseRow, ...]
    next: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseView:
    """A case as its stream has it, nothing pending."""

    case_id: UUID
    brand: str
    state: Literal["open", "settled"]
    turn: int
    complaint: bool
    mention_id: UUID
    author_account: UUID
    author: Standing
    tier: str
    clock_started_at: datetime
    due_at: datetime
    policy_v: str
    calendar_v: str
    calendar_basis: str
    breached: bool
    reply_underway: bool
    replied_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyTaken:
    """Which reply it is; it goes out at once unless it had gone out before."""

    case_id: UUID
    reply_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """Half of the waits, and nearly all of them, were no longer than this."""

    count: int
    p50_s: int | None
    p95_s: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LostEnquiries:
    """Enquiries about one product that expired unanswered; None where no product was named."""

    product: str | None
    enquiries: int


@dataclass(frozen=True, kw_only=True, slots=True)
class SlaReport:
    """How well the brand keeps its promises.

    Args:
        due: Turns whose time has come, or that were answered before.
        within: Those of them that were settled in time.
        attainment: Their share, None where nothing was due.
        coverage: Share of all turns that were answered or closed with a reason.
        discovery_lag: From posting to discovery.
        handling_lag: From discovery to the open case.
        post_to_case: Both together.
        possible_lost_orders: Enquiries that expired unanswered, by product.
    """

    turns: int
    due: int
    within: int
    attainment: str | None
    coverage: str | None
    unanswered_mentions: int
    latency_p50_s: int | None
    latency_p90_s: int | None
    discovery_lag: Lag
    handling_lag: Lag
    post_to_case: Lag
    possible_lost_orders: tuple[LostEnquiries, ...] = field(default=())
