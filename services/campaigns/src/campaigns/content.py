"""A content: drafted by one, checked by the rules, approved by another, published, withdrawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from campaigns.checks import (
    Copy,
    LengthLimit,
    has_ad_mark,
    length_of,
    problems_of,
    sells_by_link,
)
from campaigns.events import (
    Author,
    ContentApproved,
    ContentChecked,
    ContentDrafted,
    ContentEvent,
    ContentPublished,
    ContentRejected,
    ContentWithdrawn,
    Face,
    Problem,
    Sell,
)
from chassis.decider import Decider
from chassis.errors import NotFound, Rejected


class UnknownContent(NotFound):
    """There is no content with this id."""

    code = "unknown_content"


class AlreadyDrafted(Rejected):
    """A content with this id exists."""

    code = "already_drafted"


class OwnApproval(Rejected):
    """Who drafted a content may not approve it."""

    code = "own_approval"
    status = 403


class NotPassing(Rejected):
    """The content was not checked yet, or its check found something."""

    code = "not_passing"


class NotApproved(Rejected):
    """Nobody has approved the content."""

    code = "not_approved"


class AlreadyWithdrawn(Rejected):
    """The content was withdrawn."""

    code = "already_withdrawn"


class OtherPlatform(Rejected):
    """The content was not drafted for this platform, nor checked for it."""

    code = "other_platform"


class TextTooLong(Rejected):
    """The text is longer than the platform takes."""

    code = "text_too_long"
    status = 422
    requirement = "K20"


class AdMarkMissing(Rejected):
    """A content with a purchase link must be marked 广告 for readers to see."""

    code = "ad_mark_missing"
    status = 422
    requirement = "U13"


@dataclass(frozen=True, kw_only=True, slots=True)
class DraftContent:
    """Write a content down."""

    content_id: UUID
    drafted_by: str
    face: Face
    sell: Sell
    author: Author
    persona: str
    platforms: tuple[str, ...]
    text: str
    lang: str
    market: str
    products: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    campaign_id: str | None = None
    link: str | None = None
    to_shop: bool = False
    disclosure: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckContent:
    """Hold the rules of this moment against a content."""

    limits: tuple[LengthLimit, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class ApproveContent:
    """Let a content out."""

    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishContent:
    """Put a content into one slot of a platform."""

    platform: str
    slot: str
    property_id: str
    link_token: str
    limits: tuple[LengthLimit, ...]
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class WithdrawContent:
    """Take a content back."""

    reason: str


ContentCommand = DraftContent | CheckContent | ApproveContent | PublishContent | WithdrawContent


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """What the rules need to know of a content."""

    draft: ContentDrafted | None = None
    passed: bool = False
    problems: tuple[Problem, ...] = ()
    approved: bool = False
    withdrawn: bool = False
    published: frozenset[tuple[str, str]] = frozenset()


def decide(content: Content, command: ContentCommand) -> Sequence[ContentEvent]:
    """Turn a command into facts, or refuse it."""
    if isinstance(command, DraftContent):
        return _draft(content, command)
    draft = _standing(content)
    match command:
        case CheckContent():
            return _check(draft, command)
        case ApproveContent():
            return _approve(content, draft, command)
        case PublishContent():
            return _publish(content, draft, command)
        case WithdrawContent():
            return [ContentWithdrawn(content_id=draft.content_id, reason=command.reason)]
        case _:
            assert_never(command)


def evolve(content: Content, event: ContentEvent) -> Content:
    """Apply one fact.  Never refuses: it already happened."""
    match event:
        case ContentDrafted():
            return replace(content, draft=event)
        case ContentChecked():
            return replace(content, passed=event.passed, problems=tuple(event.problems))
        case ContentApproved():
            return replace(content, approved=True)
        case ContentRejected():
            return replace(content, approved=False)
        case ContentPublished():
            place = (event.platform, event.slot)
            return replace(content, published=content.published | {place})
        case ContentWithdrawn():
            return replace(content, withdrawn=True)
        case _:
            assert_never(event)


CONTENT: Decider[Content, ContentCommand, ContentEvent] = Decider(
    category="content", initial=Content(), decide=decide, evolve=evolve
)


def _standing(content: Content) -> ContentDrafted:
    if content.draft is None:
        raise UnknownContent("There is no such content.")
    if content.withdrawn:
        raise AlreadyWithdrawn("The content was withdrawn.")
    return content.draft


def _draft(content: Content, command: DraftContent) -> Sequence[ContentEvent]:
    if content.draft is not None:
        raise AlreadyDrafted(str(command.content_id))
    sells = sells_by_link(
        text=command.text, link=command.link, products=command.products, shop=command.to_shop
    )
    drafted = ContentDrafted(
        content_id=command.content_id,
        drafted_by=command.drafted_by,
        face=command.face,
        sell=command.sell,
        author=command.author,
        persona=command.persona,
        platforms=command.platforms,
        text=command.text,
        length=length_of(command.text),
        lang=command.lang,
        market=command.market,
        products=command.products,
        segments=command.segments,
        campaign_id=command.campaign_id,
        link=command.link,
        purchase_link=sells,
        ad_mark=has_ad_mark(command.text),
        disclosure=command.disclosure,
    )
    return [drafted]


def _check(draft: ContentDrafted, command: CheckContent) -> Sequence[ContentEvent]:
    problems = problems_of(_copy(draft), limits=command.limits, at=command.now)
    checked = ContentChecked(content_id=draft.content_id, passed=not problems, problems=problems)
    if not problems:
        return [checked]
    reasons = tuple(problem.code for problem in problems)
    return [checked, ContentRejected(content_id=draft.content_id, reasons=reasons)]


def _approve(
    content: Content, draft: ContentDrafted, command: ApproveContent
) -> Sequence[ContentEvent]:
    if command.by == draft.drafted_by:
        raise OwnApproval("Somebody other than the author must approve.")
    if not content.passed:
        raise NotPassing("Check the content first; what the check finds must be mended.")
    if content.approved:
        return []  # a second approval adds nothing
    return [ContentApproved(content_id=draft.content_id, by=command.by)]


def _publish(
    content: Content, draft: ContentDrafted, command: PublishContent
) -> Sequence[ContentEvent]:
    if (command.platform, command.slot) in content.published:
        return []  # the same slot again is the same post
    if command.platform not in draft.platforms:
        raise OtherPlatform(f"The content was drafted for {', '.join(draft.platforms)}.")
    copy = replace(_copy(draft), platforms=(command.platform,))
    # A limit may have begun since the check, so the rules are asked again.
    for problem in problems_of(copy, limits=command.limits, at=command.now):
        raise _refusal(problem)
    if not content.passed:
        raise NotPassing("Check the content first.")
    if not content.approved:
        raise NotApproved("Somebody must approve the content first.")
    return [_published(draft, command)]


def _refusal(problem: Problem) -> Rejected:
    refusals: dict[str, type[Rejected]] = {kind.code: kind for kind in (TextTooLong, AdMarkMissing)}
    return refusals[problem.code](problem.detail)


def _copy(draft: ContentDrafted) -> Copy:
    return Copy(
        text=draft.text,
        author=draft.author,
        market=draft.market,
        platforms=draft.platforms,
        purchase_link=draft.purchase_link,
    )


def _published(draft: ContentDrafted, command: PublishContent) -> ContentPublished:
    return ContentPublished(
        content_id=draft.content_id,
        face=draft.face,
        sell=draft.sell,
        platform=command.platform,
        slot=command.slot,
        property_id=command.property_id,
        campaign_id=draft.campaign_id,
        link_token=command.link_token if draft.link else None,
        link=draft.link,
        at=command.now,
    )
