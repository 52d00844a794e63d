"""Everything that listening records about watches, promises and mentions, by its wire name."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from chassis import audit, erasure, processes
from chassis.events import EventRegistry
from chassis.privacy import Personal
from chassis.quotas import events as quotas
from listening.intent import Intent
from listening.mentions_csv import Kind
from listening.polarity import Polarity
from listening.reply_clock import Boundary

registry = EventRegistry("listening")
processes.declare(registry)
erasure.declare(registry)
quotas.declare(registry)
audit.declare(registry)


@registry.event("watch_defined", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchDefined:
    """A brand began to listen for some words, on some platforms or, when none is named, on all."""

    watch_id: UUID
    brand: str
    terms: tuple[str, ...]
    exclude: tuple[str, ...]
    platforms: tuple[str, ...]
    require_at: bool


@registry.event("watch_revised", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchRevised:
    """A watch listens for other words from now on; one that was paused listens again."""

    watch_id: UUID
    brand: str
    terms: tuple[str, ...]
    exclude: tuple[str, ...]
    platforms: tuple[str, ...]
    require_at: bool


@registry.event("watch_paused", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class WatchPaused:
    """A watch stopped listening until it is revised."""

    watch_id: UUID
    brand: str


WatchEvent = WatchDefined | WatchRevised | WatchPaused


@registry.event("persona_registered", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaRegistered:
    """A brand answers under one more name: a character of the brand's, not a private person."""

    persona_id: UUID
    brand: str
    name: str


PersonaEvent = PersonaRegistered


@registry.event("reply_policy_changed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyPolicyChanged:
    """A brand promises other reply times to whom it discovers from now on; hours as 09:00."""

    brand: str
    policy_v: str
    day_minutes: int
    other_minutes: int
    peak_minutes: int | None
    opens: str
    closes: str
    peak_opens: str
    boundary: Boundary

    @property
    def hours(self) -> tuple[time, time, time]:
        """When the day opens, when it closes, and when the peak begins."""
        opens, closes, peak = map(time.fromisoformat, (self.opens, self.closes, self.peak_opens))
        return opens, closes, peak


PolicyEvent = ReplyPolicyChanged


@registry.event("mention_detected", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MentionDetected:
    """Somebody spoke of a brand, or to it, and we heard it."""

    mention_id: UUID
    brand: str
    platform: str
    author_account: UUID
    post_id: Annotated[str | None, Personal("author_account")]
    author_id: Annotated[str | None, Personal("author_account")]
    author_name: Annotated[str | None, Personal("author_account")]
    text: Annotated[str | None, Personal("author_account")]
    lang: str
    kind: Kind
    is_at: bool
    parent_id: UUID | None
    root_id: UUID
    product_refs: tuple[str, ...]
    posted_at: datetime
    detected_at: datetime
    watch_ids: tuple[UUID, ...]
    matched_terms: tuple[str, ...]


@registry.event("mention_classified", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MentionClassified:
    """A mention was read: whether it speaks well or ill of the brand, and what its author wants."""

    mention_id: UUID
    brand: str
    author_account: UUID
    polarity: Polarity
    score: Decimal
    lang: str
    intent: Intent
    model: str


MentionEvent = MentionDetected | MentionClassified
