"""Which texts speak of a brand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.matching import WatchTerms, is_at, matched_terms, mentions, without_terms

BRAND = WatchTerms(terms=("快书包", "Kuaishubao"))


@pytest.mark.parametrize(
    "text",
    [
        "今天用快书包买了书",
        "今日喺快書包買嘢",
        "@快书包 还没到",
        "@kuaishubao where is it",
        "KUAISHUBAO!",
        "\uff2b\uff55\uff41\uff49\uff53\uff48\uff55\uff42\uff41\uff4f 好用",
        "kuaishubao好用",
    ],
)
def test_every_spelling_of_a_brand_is_heard(text: str) -> None:
    """A customer who writes without @, or in another script, would never be answered."""
    assert mentions(text, BRAND)


@pytest.mark.parametrize(
    "text", ["今天买了书包", "kuaishubaos", "mykuaishubao", "@kuaishubao_fan", ""]
)
def test_what_only_looks_alike_is_not_heard(text: str) -> None:
    """Agents would answer people who never spoke of the brand."""
    assert not mentions(text, BRAND)


def test_an_excluded_word_rules_a_text_out() -> None:
    """The owner's own job advertisements would fill the queue."""
    watch = WatchTerms(terms=("小米",), exclude=("小米粥", "招聘"))

    assert mentions("小米手机真好", watch)
    assert not mentions("早餐小米粥", watch)
    assert not mentions("小米招聘工程師", watch)


def test_only_at_counts_where_the_owner_says_so() -> None:
    """A watch for direct calls would report every passing remark."""
    watch = WatchTerms(terms=("快书包",), require_at=True)

    assert mentions("\uff20快書包 喺度嗎", watch)
    assert not mentions("快书包在吗", watch)


def test_terms_are_named_as_the_owner_wrote_them() -> None:
    """A report would list spellings that nobody configured."""
    assert matched_terms("鐵粉 love QQ", ["铁粉", "qq", "LINE"]) == ("铁粉", "qq")
    assert is_at("hi @QQ", ["qq"])
    assert not is_at("hi QQ", ["qq"])


def test_blank_terms_match_nothing() -> None:
    """A stray comma in the settings would turn every text into a mention."""
    assert not mentions("anything", WatchTerms(terms=("", " ", "@")))


han = st.text(alphabet="快书包鐵粉体験乾坤後著", min_size=1, max_size=6)
latin = st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,8}", fullmatch=True)
around = st.text(max_size=40)


@given(han, around, around)
def test_a_term_is_found_inside_any_text(term: str, before: str, after: str) -> None:
    """The neighbours of a brand's name would decide whether it is heard."""
    assert mentions(f"{before}{term}{after}", WatchTerms(terms=(term,)))


@given(latin, around, around, st.sampled_from(["", "@", "\uff20"]))
def test_a_latin_term_is_found_between_spaces_with_or_without_at(
    term: str, before: str, after: str, sign: str
) -> None:
    """An un-@ mention would be lost."""
    text = f"{before} {sign}{term.swapcase()} {after}"

    assert mentions(text, WatchTerms(terms=(term,)))
    assert not sign or is_at(text, (term,))


@given(st.lists(han | latin, max_size=4), around, around)
def test_blanking_leaves_no_term_and_touches_nothing_else(
    terms: list[str], before: str, after: str
) -> None:
    """A brand's name would still colour the polarity, or the text around it would be lost."""
    text = f"{before} {' '.join(terms)} {after}"
    blanked = without_terms(text, terms)

    assert matched_terms(blanked, terms) == ()
    assert without_terms(blanked, terms) == blanked
    assert without_terms("Great… 書", ["nothing"]) == "Great… 書"
