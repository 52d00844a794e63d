"""A mention: one post heard once, by whichever path and however often it arrives."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import Rejected
from listening.events import MentionClassified, MentionDetected, MentionEvent
from listening.intent import Intent, read_intent
from listening.matching import WatchTerms, is_at, matched_terms, mentions
from listening.mentions_csv import Kind
from listening.polarity import Polarity, read_polarity


class BrandUnknown(Rejected):
    """A message to the brand does not say to which, and the watches do not settle it."""

    code = "brand_unknown"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveWatch:
    """A watch that listens."""

    watch_id: UUID
    brand: str
    terms: WatchTerms
    platforms: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """One brand that a post speaks of, or to, and how that was found."""

    brand: str
    watch_ids: tuple[UUID, ...] = ()
    matched_terms: tuple[str, ...] = ()
    is_at: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectMention:
    """Take note of a post, for each brand that it concerns."""

    mention_id: UUID
    platform: str
    author_account: UUID
    post_id: str
    author_id: str
    author_name: str
    text: str
    lang: str
    kind: Kind
    parent_id: UUID | None
    root_id: UUID
    product_refs: tuple[str, ...]
    posted_at: datetime
    detected_at: datetime
    heard: tuple[Heard, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifyMention:
    """Take note of how a mention was read for one brand."""

    mention_id: UUID
    brand: str
    author_account: UUID
    polarity: Polarity
    score: Decimal
    lang: str
    intent: Intent
    model: str


MentionCommand = DetectMention | ClassifyMention


@dataclass(frozen=True, kw_only=True, slots=True)
class Mention:
    """For which brands a post has been heard, and read."""

    heard: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()


def decide(mention: Mention, command: MentionCommand) -> Sequence[MentionEvent]:
    """Turn a command into facts; what was heard or read before changes nothing."""
    match command:
        case DetectMention():
            return [
                _detected(command, heard)
                for heard in command.heard
                if heard.brand not in mention.heard
            ]
        case ClassifyMention():
            return [] if command.brand in mention.read else [_classified(command)]
        case _:
            assert_never(command)


def evolve(mention: Mention, event: MentionEvent) -> Mention:
    """Apply one fact."""
    match event:
        case MentionDetected():
            return replace(mention, heard=mention.heard | {event.brand})
        case MentionClassified():
            return replace(mention, read=mention.read | {event.brand})
        case _:
            assert_never(event)


def hear(
    watches: Sequence[ActiveWatch],
    *,
    platform: str,
    text: str,
    kind: Kind,
    said_at: bool | None = None,
    brand: str | None = None,
) -> tuple[Heard, ...]:
    """Return the brands that a post concerns.

    Args:
        watches: The tenant's active ones.
        platform: Where it was posted.
        text: What it says.
        kind: A direct message always concerns the brand it was sent to.
        said_at: Whether the platform says that the brand was addressed with @, if it says.
        brand: To which brand a direct message was sent, where the platform says so.

    Raises:
        BrandUnknown: a direct message could be meant for several brands, or for none.
    """
    open_here = [w for w in watches if not w.platforms or platform in w.platforms]
    found = [w for w in open_here if mentions(text, _terms(w.terms, said_at=said_at))]
    brands = {w.brand: [v for v in found if v.brand == w.brand] for w in found}
    if kind == "dm":
        addressed = brand or _only_brand(open_here or watches)
        brands = {addressed: brands.get(addressed, [])}
    return tuple(
        _heard(name, matching, text, said_at=said_at) for name, matching in sorted(brands.items())
    )


def classify(detected: MentionDetected) -> ClassifyMention:
    """Read a mention; one whose text is gone stays unscored."""
    text = detected.text or ""
    reading = read_polarity(text, terms=detected.matched_terms)
    scored = detected.text is not None
    polarity = reading.polarity if scored else "unscored"
    return ClassifyMention(
        mention_id=detected.mention_id,
        brand=detected.brand,
        author_account=detected.author_account,
        polarity=polarity,
        score=reading.score if scored else Decimal(),
        lang=reading.language,
        intent=read_intent(text, polarity),
        model=reading.model if scored else "none",
    )


def _terms(terms: WatchTerms, *, said_at: bool | None) -> WatchTerms:
    # A platform that delivers a post as addressed has seen the @ that its text may lack.
    return replace(terms, require_at=False) if said_at else terms


def _only_brand(watches: Sequence[ActiveWatch]) -> str:
    brands = {watch.brand for watch in watches}
    if len(brands) != 1:
        raise BrandUnknown("Name the brand that the message was sent to.")
    return brands.pop()


def _heard(brand: str, watches: Sequence[ActiveWatch], text: str, *, said_at: bool | None) -> Heard:
    terms = [term for watch in watches for term in watch.terms.terms]
    return Heard(
        brand=brand,
        watch_ids=tuple(watch.watch_id for watch in watches),
        matched_terms=tuple(dict.fromkeys(matched_terms(text, terms))),
        is_at=is_at(text, terms) if said_at is None else said_at,
    )


def _detected(command: DetectMention, heard: Heard) -> MentionDetected:
    given = {f.name: getattr(command, f.name) for f in fields(command) if f.name != "heard"}
    return MentionDetected(
        **given,
        brand=heard.brand,
        is_at=heard.is_at,
        watch_ids=heard.watch_ids,
        matched_terms=heard.matched_terms,
    )


def _classified(command: ClassifyMention) -> MentionClassified:
    return MentionClassified(**{f.name: getattr(command, f.name) for f in fields(command)})


MENTION: Decider[Mention, MentionCommand, MentionEvent] = Decider(
    category="mention", initial=Mention(), decide=decide, evolve=evolve
)
