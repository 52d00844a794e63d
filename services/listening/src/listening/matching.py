"""Does a text speak of a brand: watch terms found in any spelling, with or without @."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from listening.text_forms import folded, folded_character

_LATIN = "[0-9a-z_\u00df-\u024f]"


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchTerms:
    """What a brand listens for, what rules a text out, and whether only @ counts."""

    terms: tuple[str, ...]
    exclude: tuple[str, ...] = ()
    require_at: bool = False


def mentions(text: str, watch: WatchTerms) -> bool:
    """Tell whether a text mentions a watch and contains nothing that it excludes.

    >>> mentions("今日喺快書包買嘢", WatchTerms(terms=("快书包",)))
    True
    """
    if matched_terms(text, watch.exclude):
        return False
    return bool(matched_terms(text, watch.terms, require_at=watch.require_at))


def matched_terms(text: str, terms: Iterable[str], *, require_at: bool = False) -> tuple[str, ...]:
    """Return the terms that a text contains, in the order they were given."""
    form = folded(text)
    patterns = ((term, _pattern(term, at=require_at)) for term in terms)
    return tuple(term for term, pattern in patterns if pattern and pattern.search(form))


def is_at(text: str, terms: Iterable[str]) -> bool:
    """Tell whether a text addresses one of the terms with @."""
    return bool(matched_terms(text, terms, require_at=True))


def without_terms(text: str, terms: Iterable[str]) -> str:
    """Return a text with every occurrence of the terms blanked, whatever their spelling."""
    for term in sorted(terms, key=len, reverse=True):
        if pattern := _pattern(term, at=False):
            text = _blanked(unicodedata.normalize("NFC", text), pattern)
    return text


def _blanked(text: str, pattern: re.Pattern[str]) -> str:
    forms = [folded_character(char) for char in text]
    origin = [index for index, form in enumerate(forms) for _ in form]
    kept = list(text)
    for found in pattern.finditer("".join(forms)):
        for place in range(*found.span()):
            kept[origin[place]] = " "
    return "".join(kept)


@lru_cache(maxsize=4096)
def _pattern(term: str, *, at: bool) -> re.Pattern[str] | None:
    """Compile a term; Latin letters at its ends must not run on into a longer word."""
    form = folded(term).strip().lstrip("@").strip()
    if not form:
        return None
    before = f"(?<!{_LATIN})" if re.match(_LATIN, form[0]) else ""
    after = f"(?!{_LATIN})" if re.match(_LATIN, form[-1]) else ""
    return re.compile(f"{'@' if at else ''}{before}{re.escape(form)}{after}")
