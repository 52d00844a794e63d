"""The packaged Chinese lexicon: words, what they do to a sentence, and how text is cut for it."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

import rjieba

from listening.text_forms import folded

VERSION = "zh-lexicon-1"

_FILE = "polarity_zh.csv"
_FREQUENCY = 200_000
_LONG = 4


class Kind(StrEnum):
    """What a word does to the sentence that it stands in."""

    POLAR = "polar"
    NEGATION = "negation"
    INTENSIFIER = "intensifier"
    CONTRAST = "contrast"
    CONCESSION = "concession"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    """Weights of words by kind: -3 to 3 for polar words, percent for the rest."""

    words: Mapping[Kind, Mapping[str, int]]
    emoji: Mapping[str, int]

    def weight(self, kind: Kind, word: str) -> int | None:
        """Return the weight of a word as one kind, if it is listed so."""
        return self.words[kind].get(word)


@cache
def lexicon() -> Lexicon:
    """Read the packaged file once."""
    words: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
    emoji: dict[str, int] = {}
    for row in packaged_rows(_FILE):
        if row["kind"] == "emoji":
            emoji[row["word"]] = int(row["weight"])
        else:
            words[Kind(row["kind"])][folded(row["word"])] = int(row["weight"])
    return Lexicon(words=words, emoji=emoji)


def cut(text: str) -> list[str]:
    """Cut folded Chinese text into words, never inside a word of the lexicon's own.

    >>> cut("味道很不怎么样")
    ['味道', '很', '不怎么样']
    """
    words = (word for word in _tokenizer().cut(text, hmm=False) if not word.isspace())
    return [part for word in words for part in _opened(word)]


def _opened(word: str) -> list[str]:
    """Open a long dictionary entry such as 味道不好, which would hide the word that counts."""
    if len(word) < _LONG or word in _listed():
        return [word]
    return _inner().findall(word) or [word]


def packaged_rows(name: str) -> Iterable[dict[str, str]]:
    """Read a table of words that this package carries; comment lines start with ``#``."""
    text = resources.files("listening.data").joinpath(name).read_text(encoding="utf-8")
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))


@cache
def _listed() -> frozenset[str]:
    """Return every listed word that is longer than one character."""
    return frozenset(word for kind in lexicon().words.values() for word in kind if len(word) > 1)


@cache
def _inner() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(_listed(), key=len, reverse=True))))


@cache
def _tokenizer() -> rjieba.Jieba:
    tokenizer = rjieba.Jieba()
    for word in sorted(_listed()):
        tokenizer.add_word(word, _FREQUENCY, None)
    return tokenizer
