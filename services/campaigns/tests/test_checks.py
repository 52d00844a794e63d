"""What a content must be like before it goes out."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.checks import KNOWN_LIMITS, Copy, LengthLimit, has_ad_mark, limit_at, problems_of

AT = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
PLAIN = Copy(text="新品", author="brand", market="CN", platforms=("weibo",), purchase_link=False)


def codes(copy: Copy, limits: tuple[LengthLimit, ...] = KNOWN_LIMITS) -> list[str]:
    return [problem.code for problem in problems_of(copy, limits=limits, at=AT)]


def varied(**changes: object) -> Copy:
    return Copy(**{**{name: getattr(PLAIN, name) for name in Copy.__slots__}, **changes})  # type: ignore[arg-type]  # names are Copy's


@pytest.mark.parametrize(
    "text",
    [
        "【广告】新品上市",
        "[广告] new",
        "广告:新品",
        "好物 #广告# 推荐",
        "（廣告）新品",  # as Chinese is written
        "广告 新品",
    ],
)
def test_a_mark_that_readers_see_counts(text: str) -> None:
    """A marked post would be refused for no reason."""
    assert has_ad_mark(text)


@pytest.mark.parametrize(
    "text", ["我们的广告很好看", "广告公司的新品", "ad", "看了电视广告才买的", "廣 告", "#广告人#"]
)
def test_the_word_inside_a_sentence_marks_nothing(text: str) -> None:
    """An unmarked advertisement would go out as if it were marked."""
    assert not has_ad_mark(text)


def test_a_purchase_link_in_china_needs_the_mark() -> None:
    """The brand would break the advertising rules."""
    (problem,) = problems_of(varied(purchase_link=True), limits=KNOWN_LIMITS, at=AT)

    assert problem.code == "ad_mark_missing"
    assert "互联网广告管理办法" in problem.detail


@pytest.mark.parametrize(
    "copy",
    [
        varied(purchase_link=True, text="【广告】新品"),
        varied(purchase_link=True, market="HK"),
        varied(),
    ],
    ids=["marked", "elsewhere", "no link"],
)
def test_nothing_else_needs_the_mark(copy: Copy) -> None:
    """Harmless posts would be held up."""
    assert codes(copy) == []


@given(length=st.integers(min_value=1, max_value=400))
def test_a_kol_post_on_weibo_ends_at_140_characters(length: int) -> None:
    """A KOL's post would be cut off by the platform, or refused although it fits."""
    found = codes(varied(author="kol", text="字" * length))

    assert found == (["text_too_long"] if length > 140 else [])


def test_the_limit_that_began_last_counts() -> None:
    """A change of a platform's limit would come too early, too late or never."""
    later = LengthLimit(
        platform="weibo", author="kol", characters=2000, effective_from=AT + timedelta(days=1)
    )
    limits = (later, *KNOWN_LIMITS)

    def limit(at: datetime) -> int | None:
        return limit_at(limits, platform="weibo", author="kol", at=at)

    assert [limit(AT), limit(AT + timedelta(days=1)), limit(AT - timedelta(days=9999))] == [
        140,
        2000,
        None,
    ]


def test_a_limit_holds_for_its_platform_and_author_only() -> None:
    """A brand's long article would be refused because of somebody else's limit."""
    text = "字" * 141

    assert codes(varied(text=text)) == []
    assert codes(varied(text=text, author="kol", platforms=("wechat",))) == []
    assert codes(varied(text=text, author="kol", platforms=("wechat", "weibo"))) == [
        "text_too_long"
    ]
