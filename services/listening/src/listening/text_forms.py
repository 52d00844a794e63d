"""One form for many spellings: width, case and Chinese script made equal before comparing."""

import unicodedata
from functools import cache, lru_cache

import opencc


def folded(text: str) -> str:
    r"""Return ``text`` in half width, lower case and simplified characters.

    Each character is folded by itself, so a name has one form whatever stands around it.

    >>> folded("\uff31Q 鐵粉")
    'qq 铁粉'
    """
    return "".join(map(folded_character, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=65_536)
def folded_character(char: str) -> str:
    """Return the form of one character; it may be longer, as ``ß`` or ``…`` is."""
    return simplified(unicodedata.normalize("NFKC", char).casefold())


def simplified(text: str) -> str:
    """Map traditional characters to simplified ones; everything else stays."""
    return str(_converter("t2s").convert(text))


def traditional(text: str) -> str:
    """Map simplified characters to traditional ones; everything else stays."""
    return str(_converter("s2t").convert(text))


def fits_japanese(text: str) -> bool:
    """Tell whether every ideograph is written as modern Japanese writes it.

    >>> fits_japanese("送料無料"), fits_japanese("态度好")
    (True, False)
    """
    return str(_converter("t2jp").convert(traditional(text))) == text


@cache
def _converter(direction: str) -> opencc.OpenCC:
    return opencc.OpenCC(direction)
