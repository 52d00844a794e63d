"""Weigh a Chinese text by the packaged lexicon: negation, emphasis, contrast and emoji."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from listening.lexicon import Kind, cut, lexicon
from listening.text_forms import folded

_SENTENCE_END = re.compile(r"[。!?\n;~]+|\.{3,}")
_CLAUSE_END = re.compile(r"[,、:\s.]+")
_WHOLE = 100
_FLIPPED = -80
_BARE_NEGATION = -100
_REACH = 3
_AFTER_THE_WORD = frozenset({"极了", "得很", "到爆", "死了", "到死", "到极"})
_EMOJI = re.compile(
    "|".join(re.escape(sign) for sign in sorted(lexicon().emoji, key=len, reverse=True))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reading:
    """What has been read of a clause, and what hangs over the next polar word."""

    weights: tuple[int, ...] = ()
    emphasis: int = _WHOLE
    negated: bool = False
    idle: int = 0


def weigh(text: str) -> tuple[int, int]:
    """Return how much speaks for and how much against, in hundredths of a weight.

    >>> weigh("味道不好"), weigh("非常好吃")
    ((0, 200), (360, 0))
    """
    weights = [*_words(text), *_signs(text)]
    return sum(w for w in weights if w > 0), -sum(w for w in weights if w < 0)


def _signs(text: str) -> Iterator[int]:
    return (lexicon().emoji[sign] * _WHOLE for sign in _EMOJI.findall(text))


def _words(text: str) -> Iterator[int]:
    for sentence in _SENTENCE_END.split(folded(_EMOJI.sub(" ", text))):
        factor = _WHOLE
        for clause in _CLAUSE_END.split(sentence):
            for turn, words in _turns(cut(clause)):
                factor = turn or factor
                yield from (weight * factor // _WHOLE for weight in _clause(words))


def _turns(words: Sequence[str]) -> Iterator[tuple[int | None, list[str]]]:
    """Split a clause where a "but" or "although" changes how much counts."""
    turn: int | None = None
    part: list[str] = []
    for word in words:
        new = lexicon().weight(Kind.CONTRAST, word) or lexicon().weight(Kind.CONCESSION, word)
        if new is None:
            part.append(word)
        else:
            yield turn, part
            turn, part = new, []
    yield turn, part


def _clause(words: Sequence[str]) -> tuple[int, ...]:
    reading = _Reading()
    for word, following in zip(words, [*words[1:], ""], strict=False):
        reading = _read(reading, word, following)
    return _let_go(reading).weights


def _read(reading: _Reading, word: str, following: str) -> _Reading:
    emphasis = lexicon().weight(Kind.INTENSIFIER, word)
    polar = lexicon().weight(Kind.POLAR, word)
    if emphasis is not None and word in _AFTER_THE_WORD and reading.weights:
        return replace(reading, weights=_stress_last(reading.weights, emphasis))
    if emphasis is not None and (polar is None or _can_be_stressed(following)):
        return replace(reading, emphasis=reading.emphasis * emphasis // _WHOLE, idle=0)
    if lexicon().weight(Kind.NEGATION, word) is not None:
        return replace(reading, negated=not reading.negated, idle=0)
    if polar is not None:
        return _Reading(weights=(*reading.weights, _polar(reading, polar)))
    idle = reading.idle + 1
    return _let_go(reading) if idle == _REACH else replace(reading, idle=idle)


def _polar(reading: _Reading, weight: int) -> int:
    stressed = weight * reading.emphasis
    return stressed * _FLIPPED // _WHOLE if reading.negated else stressed


def _can_be_stressed(word: str) -> bool:
    kinds = (Kind.POLAR, Kind.INTENSIFIER)
    return any(lexicon().weight(kind, word) is not None for kind in kinds)


def _stress_last(weights: tuple[int, ...], emphasis: int) -> tuple[int, ...]:
    return (*weights[:-1], weights[-1] * emphasis // _WHOLE)


def _let_go(reading: _Reading) -> _Reading:
    """Drop what hung over the next word; a "no" that reached nothing is a small lack."""
    lack = (_BARE_NEGATION,) if reading.negated else ()
    return _Reading(weights=(*reading.weights, *lack))
