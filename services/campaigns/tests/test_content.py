"""The rules of a content, from draft to withdrawal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns import examples
from campaigns.checks import KNOWN_LIMITS, LengthLimit
from campaigns.content import (
    CONTENT,
    AdMarkMissing,
    AlreadyDrafted,
    AlreadyWithdrawn,
    ApproveContent,
    CheckContent,
    Content,
    ContentCommand,
    DraftContent,
    NotApproved,
    NotPassing,
    OtherPlatform,
    OwnApproval,
    PublishContent,
    TextTooLong,
    UnknownContent,
    WithdrawContent,
)
from campaigns.events import ContentChecked, ContentEvent, ContentRejected
from chassis.testing.scenario import Scenario

DRAFTED, CHECKED = examples.CONTENT_DRAFTED, examples.CONTENT_CHECKED
APPROVED, PUBLISHED = examples.CONTENT_APPROVED, examples.CONTENT_PUBLISHED
FAILED = ContentChecked(content_id=examples.CONTENT_ID, passed=False, problems=())
DRAFT = DraftContent(
    **{
        name: getattr(DRAFTED, name)
        for name in DraftContent.__slots__
        if name not in {"to_shop", "now"}
    }
)
CHECK = CheckContent(limits=KNOWN_LIMITS, now=examples.AT)
APPROVE = ApproveContent(by="user:mei")
WITHDRAW = WithdrawContent(reason="sold out")


def given(*history: ContentEvent) -> Scenario[Content, ContentCommand, ContentEvent]:
    return Scenario(CONTENT, history)


def publish(**changes: Any) -> PublishContent:
    first = PublishContent(
        platform=PUBLISHED.platform,
        slot=PUBLISHED.slot,
        property_id=PUBLISHED.property_id,
        link_token=str(PUBLISHED.link_token),
        limits=KNOWN_LIMITS,
        now=examples.AT,
    )
    return replace(first, **changes)


def test_a_draft_is_written_down_with_what_the_rules_will_ask() -> None:
    """Reviewers would not see length, purchase link and ad mark of a draft."""
    given().when(DRAFT).then(DRAFTED)


def test_a_content_is_drafted_once() -> None:
    """A second draft would replace the one that was approved."""
    given(DRAFTED).when(DRAFT).then_rejected(AlreadyDrafted)


def test_a_good_content_passes_its_check() -> None:
    """Nothing could ever be published."""
    given(DRAFTED).when(CHECK).then(CHECKED)


def test_a_bad_content_is_rejected_with_its_reasons() -> None:
    """The author would not know what to mend."""
    draft = replace(DRAFTED, text="新品奶瓶今天开售。" * 20)
    outcome = CONTENT.decide(CONTENT.fold([draft]), CHECK)
    checked, rejected = outcome

    assert isinstance(checked, ContentChecked)
    assert not checked.passed
    assert isinstance(rejected, ContentRejected)
    assert rejected.reasons == ("text_too_long", "ad_mark_missing")


def test_nobody_approves_what_they_wrote() -> None:
    """One person alone could publish in the brand's name."""
    own = ApproveContent(by=DRAFTED.drafted_by)

    given(DRAFTED, CHECKED).when(own).then_rejected(OwnApproval)


def test_somebody_else_approves() -> None:
    """Nothing could ever be published."""
    given(DRAFTED, CHECKED).when(APPROVE).then(APPROVED)


def test_approving_twice_changes_nothing() -> None:
    """A second click would look like a second opinion."""
    given(DRAFTED, CHECKED, APPROVED).when(APPROVE).then_nothing()


@pytest.mark.parametrize("history", [(DRAFTED,), (DRAFTED, FAILED)], ids=["unchecked", "failed"])
def test_only_what_passed_is_approved(history: tuple[ContentEvent, ...]) -> None:
    """A post that breaks a rule would be waved through."""
    given(*history).when(APPROVE).then_rejected(NotPassing)


def test_an_approved_content_goes_out() -> None:
    """The approved post would never appear."""
    given(DRAFTED, CHECKED, APPROVED).when(publish()).then(PUBLISHED)


def test_a_content_without_a_link_has_nothing_to_track() -> None:
    """A token would be handed out that leads nowhere."""
    bare = replace(DRAFTED, link=None)
    expected = replace(PUBLISHED, link=None, link_token=None)

    given(bare, CHECKED, APPROVED).when(publish()).then(expected)


def test_the_same_slot_again_is_the_same_post() -> None:
    """Fans would see the post twice."""
    given(DRAFTED, CHECKED, APPROVED, PUBLISHED).when(publish()).then_nothing()


def test_another_slot_is_another_post() -> None:
    """A repeat in the evening would be swallowed."""
    evening = publish(slot="evening")

    given(DRAFTED, CHECKED, APPROVED, PUBLISHED).when(evening).then(
        replace(PUBLISHED, slot="evening")
    )


@pytest.mark.parametrize(
    ("history", "refusal"),
    [
        ((DRAFTED, CHECKED), NotApproved),
        ((DRAFTED,), NotPassing),
        ((DRAFTED, CHECKED, APPROVED, FAILED), NotPassing),
        ((DRAFTED, CHECKED, APPROVED, FAILED, examples.CONTENT_REJECTED), NotPassing),
        ((DRAFTED, CHECKED, APPROVED, examples.CONTENT_WITHDRAWN), AlreadyWithdrawn),
        ((), UnknownContent),
    ],
)
def test_only_approved_and_passing_content_goes_out(
    history: tuple[ContentEvent, ...], refusal: Any
) -> None:
    """Something would appear that nobody let out."""
    given(*history).when(publish()).then_rejected(refusal)


def test_a_content_goes_out_only_where_it_was_checked_for() -> None:
    """A post could dodge the limit of the platform it really goes to."""
    given(DRAFTED, CHECKED, APPROVED).when(publish(platform="wechat")).then_rejected(OtherPlatform)


def test_a_purchase_link_without_the_mark_never_goes_out_in_china() -> None:
    """An unmarked advertisement would go out, whatever an older check said."""
    unmarked = replace(DRAFTED, text="新品奶瓶今天开售。", ad_mark=False)

    given(unmarked, CHECKED, APPROVED).when(publish()).then_rejected(AdMarkMissing)


def test_a_limit_that_began_after_the_check_still_holds() -> None:
    """A post that the platform no longer takes would fail there."""
    stricter = LengthLimit(
        platform="weibo",
        author="kol",
        characters=5,
        effective_from=datetime(2026, 1, 1, tzinfo=UTC),
    )
    later = publish(limits=(*KNOWN_LIMITS, stricter), now=examples.AT + timedelta(days=1))

    given(DRAFTED, CHECKED, APPROVED).when(later).then_rejected(TextTooLong)


def test_withdrawing_says_why() -> None:
    """Nobody could tell later why a post vanished."""
    given(DRAFTED).when(WITHDRAW).then(examples.CONTENT_WITHDRAWN)


def test_a_withdrawn_content_stays_withdrawn() -> None:
    """A withdrawn post could come back by a second click."""
    given(DRAFTED, examples.CONTENT_WITHDRAWN).when(WITHDRAW).then_rejected(AlreadyWithdrawn)
