"""Which posts concern a brand, and how they are read."""

from dataclasses import replace
from uuid import UUID

import pytest

from chassis.testing.scenario import Scenario
from listening.examples import BRAND, MENTION_CLASSIFIED, MENTION_DETECTED, WATCH_ID
from listening.matching import WatchTerms
from listening.mention import (
    MENTION,
    ActiveWatch,
    BrandUnknown,
    DetectMention,
    Heard,
    classify,
    hear,
)

HERE = ActiveWatch(
    watch_id=WATCH_ID, brand=BRAND, terms=WatchTerms(terms=(BRAND,)), platforms=("weibo",)
)
OTHER = ActiveWatch(
    watch_id=UUID(int=2), brand="推他", terms=WatchTerms(terms=("推他",)), platforms=()
)
HEARD = Heard(brand=BRAND, watch_ids=(WATCH_ID,), matched_terms=(BRAND,))
DETECT = DetectMention(
    **{
        name: getattr(MENTION_DETECTED, name)
        for name in DetectMention.__dataclass_fields__
        if name != "heard"
    },
    heard=(HEARD,),
)


def test_a_post_is_heard_once_for_each_brand() -> None:
    """One post that arrives twice would be two mentions; a second brand would miss its own."""
    second = replace(DETECT, heard=(HEARD, Heard(brand="推他")))
    other = replace(MENTION_DETECTED, brand="推他", watch_ids=(), matched_terms=())

    Scenario(MENTION, []).when(DETECT).then(MENTION_DETECTED)
    Scenario(MENTION, [MENTION_DETECTED]).when(DETECT).then_nothing()
    Scenario(MENTION, [MENTION_DETECTED]).when(second).then(other)


def test_a_mention_is_read_once_for_each_brand() -> None:
    """A crash between two steps would read a mention twice."""
    read = classify(MENTION_DETECTED)

    Scenario(MENTION, [MENTION_DETECTED, MENTION_CLASSIFIED]).when(read).then_nothing()
    assert (read.polarity, read.intent) == ("negative", "complaint")


def test_a_mention_that_can_no_longer_be_opened_stays_unscored() -> None:
    """Somebody who was forgotten would be given an opinion."""
    read = classify(replace(MENTION_DETECTED, text=None))

    assert (read.polarity, read.score, read.model) == ("unscored", 0, "none")


@pytest.mark.parametrize(
    ("platform", "text", "brands"),
    [
        ("weibo", "快書包真好", [BRAND]),
        ("wechat", "快書包真好", []),
        ("wechat", "推他好用", ["推他"]),
        ("weibo", "快书包和推他", [BRAND, "推他"]),
        ("weibo", "今天下雨", []),
    ],
)
def test_a_post_concerns_the_brands_that_listen_there(
    platform: str, text: str, brands: list[str]
) -> None:
    """A brand would be told of a platform it doesn't watch, or not of its own name."""
    heard = hear([HERE, OTHER], platform=platform, text=text, kind="post")

    assert sorted(one.brand for one in heard) == sorted(brands)


def test_a_direct_message_always_concerns_its_brand() -> None:
    """A customer who writes to the brand would be ignored for not naming it."""
    (heard,) = hear([HERE], platform="weibo", text="在吗", kind="dm")
    (named,) = hear([HERE, OTHER], platform="line", text="在吗", kind="dm", brand="推他")

    assert (heard.brand, heard.watch_ids) == (BRAND, ())
    assert named.brand == "推他"
    with pytest.raises(BrandUnknown):
        hear([HERE, OTHER], platform="weibo", text="在吗", kind="dm")


def test_an_at_that_only_the_platform_has_seen_counts() -> None:
    """A reply under the brand's own post would be missed, for its text repeats no @."""
    only_at = replace(HERE, terms=WatchTerms(terms=(BRAND,), require_at=True))

    assert hear([only_at], platform="weibo", text=f"{BRAND}好", kind="post") == ()
    (heard,) = hear([only_at], platform="weibo", text=f"{BRAND}好", kind="post", said_at=True)
    assert heard.is_at
    (written,) = hear([only_at], platform="weibo", text=f"@{BRAND} 好", kind="post")
    assert written.is_at
