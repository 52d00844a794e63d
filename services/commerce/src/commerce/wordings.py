"""Which of several texts somebody is shown who asks for a language."""

from collections.abc import Iterator, Sequence
from functools import cache

import opencc

from commerce.promotion_events import Wording

_SCRIPTS = {
    "zh": "hans",
    "zh-cn": "hans",
    "zh-sg": "hans",
    "zh-my": "hans",
    "zh-hans": "hans",
    "zh-tw": "hant",
    "zh-hk": "hant",
    "zh-mo": "hant",
    "zh-hant": "hant",
    "yue": "hant",
    "yue-hant": "hant",
    "yue-hans": "hans",
}
_CONVERSIONS = {"hans": "t2s", "hant": "s2t"}
_TAGS = {"hans": "zh-Hans", "hant": "zh-Hant"}


def worded(texts: Sequence[Wording], wanted: str | None) -> Wording:
    """Return the text in the language asked for, or in the nearest that there is.

    Nearest is: the same language without its region; for Chinese the same script, then the
    other script, converted, and Cantonese last (for Cantonese, first); then English; then
    whichever was given first.

    >>> said = (Wording(lang="zh-Hant", text="會員九折"), Wording(lang="en", text="10% off"))
    >>> worded(said, "zh-CN")
    Wording(lang='zh-Hans', text='会员九折')
    >>> worded(said, "fr").text
    '10% off'
    """
    asked = (wanted or "").casefold()
    return _plain(texts, asked) or _chinese(texts, asked) or _plain(texts, "en") or texts[0]


def _plain(texts: Sequence[Wording], asked: str) -> Wording | None:
    known = {wording.lang.casefold(): wording for wording in texts}
    # A bare "zh" is simplified: without the script's say, "zh-Hant" would be answered by it.
    same = (tag for tag in _shorter(asked) if _script(tag) == _script(asked))
    return next((known[tag] for tag in same if tag in known), None)


def _chinese(texts: Sequence[Wording], asked: str) -> Wording | None:
    script, language = _script(asked), asked.partition("-")[0]
    if script is None:
        return None

    def distance(wording: Wording) -> tuple[bool, bool]:
        lang = wording.lang.casefold()
        return lang.partition("-")[0] != language, _script(lang) != script

    chinese = [wording for wording in texts if _script(wording.lang.casefold())]
    nearest = min(chinese, key=distance, default=None)
    if nearest is None or _script(nearest.lang.casefold()) == script:
        return nearest
    return _converted(nearest, script)


def _converted(wording: Wording, script: str) -> Wording:
    text = str(_converter(_CONVERSIONS[script]).convert(wording.text))
    return Wording(lang=_TAGS[script], text=text)


def _script(asked: str) -> str | None:
    return next((_SCRIPTS[tag] for tag in _shorter(asked) if tag in _SCRIPTS), None)


def _shorter(tag: str) -> Iterator[str]:
    """Yield a tag and what is left of it as its last part is taken off (RFC 4647, lookup)."""
    while tag:
        yield tag
        tag = tag.rpartition("-")[0]


@cache
def _converter(direction: str) -> opencc.OpenCC:
    return opencc.OpenCC(direction)
