"""What somebody wants, by words and punctuation that anybody can read here."""

import re
from functools import cache
from typing import Literal

from listening.lexicon import packaged_rows
from listening.matching import matched_terms
from listening.polarity import Polarity
from listening.text_forms import folded

Intent = Literal["complaint", "consultation", "information", "praise", "purchase"]

_Kind = Literal["complaint", "purchase", "question", "praise"]

_ASKING_AT_THE_END = re.compile(r"(\?|吗|么|呢|咩|未|嘛)[\s!.。~]*$")


def read_intent(text: str, polarity: Polarity) -> Intent:
    """Return the first intent that applies; a complaint is never taken for a question.

    >>> read_intent("請問幾點開門", "neutral"), read_intent("我要退款", "negative")
    ('consultation', 'complaint')
    """
    if matched_terms(text, _phrases("complaint")):
        return "complaint"
    if matched_terms(text, _phrases("purchase")):
        return "purchase"
    if matched_terms(text, _phrases("question")):
        return "consultation"
    if polarity == "negative":
        return "complaint"
    if _ASKING_AT_THE_END.search(folded(text).rstrip()):
        return "consultation"
    return (
        "praise"
        if polarity == "positive" or matched_terms(text, _phrases("praise"))
        else "information"
    )


@cache
def _phrases(kind: _Kind) -> tuple[str, ...]:
    return tuple(row["phrase"] for row in packaged_rows("intent_words.csv") if row["kind"] == kind)
