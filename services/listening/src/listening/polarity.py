"""Whether a text speaks well or ill, read by packaged lexicons and never guessed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Literal

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from listening import language, lexicon
from listening.chinese_polarity import weigh
from listening.language import language_of
from listening.matching import without_terms

Polarity = Literal["positive", "negative", "neutral", "unscored"]

_CHINESE = frozenset({language.SIMPLIFIED, language.TRADITIONAL, language.CANTONESE})
_PLACES = Decimal("0.0001")
_CHINESE_BOUND = Decimal("0.2")
_ENGLISH_BOUND = Decimal("0.05")
_ONE_WEIGHT = 100
_ENGLISH_MODEL = f"vader-{version('vaderSentiment')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """A language, a polarity with its score from -1 to 1, and the model that read it."""

    language: str
    polarity: Polarity
    score: Decimal
    model: str


def read_polarity(text: str, *, terms: Iterable[str] = ()) -> Reading:
    """Read the polarity of a text; languages without a lexicon are ``unscored``.

    Args:
        text: What somebody wrote.
        terms: Names to leave out, so that a brand called "good" praises nobody.

    >>> [read_polarity(t).polarity for t in ("太好吃了", "唔好食", "I love it", "C'est bon")]
    ['positive', 'negative', 'positive', 'unscored']
    """
    words = without_terms(text, terms)
    tag = language_of(words)
    if tag in _CHINESE or tag == language.NO_LANGUAGE:
        return _reading(tag, _chinese_score(words), _CHINESE_BOUND, lexicon.VERSION)
    if tag == language.ENGLISH:
        return _reading(tag, _english_score(words), _ENGLISH_BOUND, _ENGLISH_MODEL)
    return _stamped(tag, "unscored", Decimal(), "none")


def _reading(tag: str, score: Decimal, bound: Decimal, model: str) -> Reading:
    if score >= bound:
        return _stamped(tag, "positive", score, model)
    return _stamped(tag, "negative" if score <= -bound else "neutral", score, model)


def _stamped(tag: str, polarity: Polarity, score: Decimal, model: str) -> Reading:
    stamp = f"{model}+{language.VERSION}"
    return Reading(language=tag, polarity=polarity, score=score.quantize(_PLACES), model=stamp)


def _chinese_score(text: str) -> Decimal:
    """Return the balance of praise and blame; one word alone does not reach the end."""
    praise, blame = weigh(text)
    return Decimal(praise - blame) / (praise + blame + _ONE_WEIGHT)


def _english_score(text: str) -> Decimal:
    scores = _analyzer().polarity_scores(_one_line(text))
    return Decimal(str(scores["compound"]))


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()
