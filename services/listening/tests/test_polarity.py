"""Whether a text is read as praise or blame, in three languages and no more."""

import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.language import language_of
from listening.polarity import read_polarity


@pytest.mark.parametrize(
    ("text", "language", "polarity"),
    [
        ("味道很好\uff0c送得也快", "zh-Hans", "positive"),
        ("服务态度不好", "zh-Hans", "negative"),
        ("不是很好吃", "zh-Hans", "negative"),
        ("不贵", "zh-Hans", "positive"),
        ("没有失望", "zh-Hans", "positive"),
        ("好评", "zh-Hans", "positive"),
        ("差评", "zh-Hans", "negative"),
        ("我要投诉你们", "zh-Hans", "negative"),
        ("虽然有点贵,但是很好吃", "zh-Hans", "positive"),
        ("今天去了公园", "zh-Hans", "neutral"),
        ("今日去公園,買了門票 🎉🎉", "zh-Hant", "positive"),
        ("這家店的環境非常舒服", "zh-Hant", "positive"),
        ("等了兩個小時還沒送到,太失望了", "zh-Hant", "negative"),
        ("呢間舖頭啲嘢好好食,下次再嚟", "yue", "positive"),
        ("唔係幾好食,份量又少,唔會再嚟", "yue", "negative"),
        ("中伏,個職員仲要黑面㗎", "yue", "negative"),
        ("I love this shop, the staff are so friendly", "en", "positive"),
        ("terrible service, never again", "en", "negative"),
        ("The parcel is at the door", "en", "neutral"),
        ("not good at all", "en", "negative"),
    ],
)
def test_three_languages_are_read(text: str, language: str, polarity: str) -> None:
    """A complaint would be filed as praise, or land in another language's queue."""
    reading = read_polarity(text)

    assert (reading.language, reading.polarity) == (language, polarity)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("C'est vraiment très mauvais, je suis déçu", "fr"),
        ("これは最高です", "ja"),
        ("너무 좋아요", "ko"),
        ("Это ужасно", "ru"),
        ("Das Essen war sehr schlecht", "de"),
        ("xqztv wvkkp", "und"),
    ],
)
def test_other_languages_are_never_guessed(text: str, language: str) -> None:
    """A number about French customers would be made up."""
    reading = read_polarity(text)

    assert (reading.polarity, reading.score) == ("unscored", 0)
    assert reading.language == language or reading.language not in {"zh-Hans", "zh-Hant", "en"}


@pytest.mark.parametrize(
    ("text", "polarity"), [("😡😡", "negative"), ("👍", "positive"), ("[怒]", "negative")]
)
def test_signs_without_words_still_say_something(text: str, polarity: str) -> None:
    """An angry face alone would count as silence."""
    assert (read_polarity(text).language, read_polarity(text).polarity) == ("zxx", polarity)


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        ("快书包到了", "快书包"),
        ("我用快書包買嘢喎", "快书包"),
        ("Best Buy is in the street", "best buy"),
    ],
)
def test_a_brand_called_good_praises_nobody(text: str, brand: str) -> None:
    """Every mention of a brand named "quick" would count as praise of its speed."""
    assert read_polarity(text, terms=[brand]).polarity == "neutral"


@pytest.mark.parametrize(
    ("plain", "stressed"),
    [("好吃", "非常好吃"), ("有点失望", "太失望了"), ("good", "very good"), ("开心", "开心到爆")],
)
def test_emphasis_counts(plain: str, stressed: str) -> None:
    """A furious customer would weigh no more than a mildly annoyed one."""
    assert abs(read_polarity(stressed).score) > abs(read_polarity(plain).score)


def test_what_follows_but_counts_more() -> None:
    """A visit that was tasty but far too late would read like one that was late but tasty."""
    late_last = read_polarity("味道好,但是太慢").score
    late_first = read_polarity("太慢,但是味道好").score

    assert late_last < late_first


@pytest.mark.parametrize("text", ["服務態度很差,退錢", "質量非常好,強烈推薦"])
def test_script_does_not_change_the_polarity(text: str) -> None:
    """Taipei and Shanghai would be measured with two rulers."""
    simplified = text.translate(str.maketrans("務態質強薦錢", "务态质强荐钱"))

    assert read_polarity(text).score == read_polarity(simplified).score


def test_a_reading_names_its_model() -> None:
    """Nobody could tell which numbers an improved lexicon has changed."""
    assert read_polarity("好吃").model.startswith("zh-lexicon-1+lid.176")
    assert read_polarity("I love it").model.startswith("vader-")
    assert read_polarity("C'est vraiment mauvais").model.startswith("none+")


@given(st.text(max_size=200))
def test_any_text_gets_the_same_reading_twice(text: str) -> None:
    """A strange character would stop the listening, or replay would differ."""
    reading = read_polarity(text)

    assert reading == read_polarity(text)
    assert Decimal(-1) <= reading.score <= Decimal(1)
    assert (reading.polarity == "unscored") <= (reading.score == 0)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("东京", "zh-Hans"),
        ("優の良品真係好食", "zh-Hant"),
        ("送料無料", "ja"),
        ("iPhone 15 Pro 很好用", "zh-Hans"),
        ("Love the 鐵粉 event so much", "en"),
        ("@someone https://example.org/很好", "zxx"),
        ("", "zxx"),
    ],
)
def test_mixed_scripts_are_told_apart(text: str, language: str) -> None:
    """A Japanese notice would be scored as Chinese, or a link as a language."""
    assert language_of(text) == language


def test_the_language_model_is_inside_the_package() -> None:
    """Listening would need the network, or hang without it, on its first mention."""
    code = (
        "import socket\n"
        "def refuse(*_, **__): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from listening.language import language_of\n"
        "print(language_of('Das ist ein schlechter Laden'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.strip(), done.returncode) == ("de", 0), done.stderr
