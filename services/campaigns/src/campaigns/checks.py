"""What a content must be like before it goes out: length by platform and date, the ad mark."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from campaigns.events import Author, Problem

_URL = re.compile(r"https?://\S", re.IGNORECASE)
# Conspicuous: it opens the text, or stands by itself in brackets or as a topic.
# "广告" inside a sentence ("我们的广告很好看") marks nothing.
_AD_MARK = re.compile(
    r"^\s*[廣广]告(?=[\s:：|丨·,，。])|[【\[(（〔「]\s*[廣广]告\s*[】\])）〕」]|[#＃][廣广]告[#＃]"  # noqa: RUF001
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LengthLimit:
    """How long a post may be on a platform, for one kind of author, from a moment on."""

    platform: str
    author: Author
    characters: int | None
    effective_from: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Copy:
    """As much of a content as the rules look at."""

    text: str
    author: Author
    market: str
    platforms: tuple[str, ...]
    purchase_link: bool


# Dated facts, not constants: a tenant's own limits from a later moment take their place.
KNOWN_LIMITS = (
    LengthLimit(
        platform="weibo",
        author="kol",
        characters=140,
        effective_from=datetime(2009, 8, 14, tzinfo=UTC),
    ),
)


def length_of(text: str) -> int:
    """Return how many characters a text has, however its accents are composed.

    >>> length_of("微博"), length_of("e\u0301")
    (2, 1)
    """
    return len(unicodedata.normalize("NFC", text))


def has_ad_mark(text: str) -> bool:
    """Say whether a text conspicuously calls itself an advertisement.

    >>> has_ad_mark("【广告】新品上市"), has_ad_mark("我们的广告很好看")
    (True, False)
    """
    return _AD_MARK.search(text) is not None


def sells_by_link(*, text: str, link: str | None, products: Iterable[str], shop: bool) -> bool:
    """Say whether a content leads to a purchase: a link, to the shop or about a product."""
    linked = link is not None or _URL.search(text) is not None
    return linked and (shop or any(products))


def limit_at(
    limits: Iterable[LengthLimit], *, platform: str, author: Author, at: datetime
) -> int | None:
    """Return how long a post may be at a moment; the limit that began last counts."""
    begun = [
        (limit.effective_from, order, limit.characters)
        for order, limit in enumerate(limits)
        if (limit.platform, limit.author) == (platform, author) and limit.effective_from <= at
    ]
    return max(begun)[-1] if begun else None


def problems_of(copy: Copy, *, limits: Iterable[LengthLimit], at: datetime) -> tuple[Problem, ...]:
    """Return everything that keeps a content from going out at a moment."""
    known = tuple(limits)
    length = length_of(copy.text)
    bounds = {
        platform: limit_at(known, platform=platform, author=copy.author, at=at)
        for platform in copy.platforms
    }
    too_long = [
        _too_long(platform, length, bound)
        for platform, bound in bounds.items()
        if bound is not None and length > bound
    ]
    return (*too_long, *_unmarked(copy))


def _too_long(platform: str, length: int, bound: int) -> Problem:
    return Problem(
        code="text_too_long",
        requirement="K20",
        detail=f"{length} characters where {platform} takes {bound} of this author.",
    )


def _unmarked(copy: Copy) -> Iterable[Problem]:
    if copy.market == "CN" and copy.purchase_link and not has_ad_mark(copy.text):
        yield Problem(
            code="ad_mark_missing",
            requirement="U13",
            detail="《互联网广告管理办法》: a purchase link needs the conspicuous mark 广告.",
        )
