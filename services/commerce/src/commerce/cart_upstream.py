"""What commerce reads of listening's events: who asked, and whether they were answered."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from commerce.upstream import upstream


@upstream.event("listening", "case_opened")
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseOpened:
    """Somebody is owed a reply."""

    case_id: UUID
    turn: int
    author_account: UUID
    type: str
    clock_started_at: datetime
    product_refs: tuple[str, ...] = ()


@upstream.event("listening", "case_reopened")
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseReopened:
    """Somebody asked again and is owed one more reply."""

    case_id: UUID
    turn: int
    author_account: UUID
    type: str
    clock_started_at: datetime
    product_refs: tuple[str, ...] = ()


@upstream.event("listening", "reply_sent")
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplySent:
    """Somebody was answered."""

    case_id: UUID
    turn: int
    at: datetime


@upstream.event("listening", "case_resolved")
@dataclass(frozen=True, kw_only=True, slots=True)
class CaseResolved:
    """Nothing is owed to a conversation any more."""

    case_id: UUID
    turn: int
    at: datetime
