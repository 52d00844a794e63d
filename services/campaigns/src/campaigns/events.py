"""Everything that campaigns records, by its name on the wire."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from chassis import audit, erasure, processes
from chassis.events import EventRegistry
from chassis.money import Money
from chassis.quotas import events as quotas

registry = EventRegistry("campaigns")
processes.declare(registry)
erasure.declare(registry)
quotas.declare(registry)
audit.declare(registry)

Face = Literal["product_message", "current_activity", "issue", "story"]
Sell = Literal["soft", "hard"]
Author = Literal["brand", "kol"]
Model = Literal["first", "last", "last_non_direct", "linear"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing wrong with a content, and the rule that says so."""

    code: str
    requirement: str
    detail: str


@registry.event("content_drafted", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentDrafted:
    """Somebody wrote a content under one face.  Nobody has looked at it yet."""

    content_id: UUID
    drafted_by: str
    face: Face
    sell: Sell
    author: Author
    persona: str
    platforms: tuple[str, ...]
    text: str
    length: int
    lang: str
    market: str
    products: tuple[str, ...]
    segments: tuple[str, ...]
    campaign_id: str | None
    link: str | None
    purchase_link: bool
    ad_mark: bool
    disclosure: str | None


@registry.event("content_checked", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentChecked:
    """The rules were held against a content; it passed when there is no problem."""

    content_id: UUID
    passed: bool
    problems: tuple[Problem, ...]


@registry.event("content_approved", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentApproved:
    """Somebody other than its author lets a content out."""

    content_id: UUID
    by: str


@registry.event("content_rejected", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentRejected:
    """A content may not go out, for these reasons."""

    content_id: UUID
    reasons: tuple[str, ...]


@registry.event("content_published", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentPublished:
    """A content went out on one platform; its link, if it has one, is tracked by the token."""

    content_id: UUID
    face: Face
    sell: Sell
    platform: str
    slot: str
    property_id: str
    campaign_id: str | None
    link_token: str | None
    link: str | None
    at: datetime


@registry.event("content_withdrawn", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ContentWithdrawn:
    """A content was taken back, for a reason; its tracked links lead nowhere any more."""

    content_id: UUID
    reason: str


@registry.event("length_limit_set", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LengthLimitSet:
    """From a moment on, a platform takes at most so many characters; None: as many as you like."""

    platform: str
    author: Author
    characters: int | None
    effective_from: datetime


@registry.event("touch_recorded", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class TouchRecorded:
    """Somebody met the brand through a channel."""

    touch_id: UUID
    subject: str
    channel: str
    campaign_id: str | None
    content_id: str | None
    kind: str
    direct: bool
    cost: Money | None
    at: datetime


@registry.event("session_recorded", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class SessionRecorded:
    """Somebody visited the shop: where from, and how often they took which step."""

    session_id: UUID
    subject: str
    source: str
    device: str | None
    started_at: datetime
    ended_at: datetime
    steps: dict[str, int]


@registry.event("spend_recorded", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class SpendRecorded:
    """What one ad cost on one day in one channel, and how often it was seen and clicked."""

    ad_id: str
    channel: str
    impressions: int
    clicks: int
    cost: Money
    day: date


@dataclass(frozen=True, kw_only=True, slots=True)
class Credit:
    """One touch's share of an order."""

    touch_id: UUID
    channel: str
    campaign_id: str | None
    content_id: str | None
    weight: Decimal
    amount: Money


@registry.event("conversion_attributed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ConversionAttributed:
    """An order's value was shared out over the touches before it; the shares sum to one."""

    order_id: str
    model: Model
    window_days: int
    ordered_at: datetime
    credits: tuple[Credit, ...]
    amount: Money


@registry.event("attribution_reversed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class AttributionReversed:
    """Part of an attributed order was undone; every credit shrinks by this fraction."""

    order_id: str
    fraction: Decimal
    amount: Money


@registry.event("refund_noted")
@dataclass(frozen=True, kw_only=True, slots=True)
class RefundNoted:
    """Money for an order went back before the order was attributed."""

    order_id: str
    amount: Money


ContentEvent = (
    ContentDrafted
    | ContentChecked
    | ContentApproved
    | ContentRejected
    | ContentPublished
    | ContentWithdrawn
)
AttributionEvent = ConversionAttributed | AttributionReversed | RefundNoted
