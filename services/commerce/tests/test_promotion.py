"""Promotions: their terms, what a price becomes by them, and in which words they are told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.testing.scenario import Scenario
from commerce import promotion_examples as examples
from commerce.discounts import reduced
from commerce.pricing import Offers
from commerce.promotion import (
    PROMOTION,
    WHOLE,
    CouponDiffers,
    CouponNotNeeded,
    DefinedDifferently,
    DefinePromotion,
    EndPromotion,
    IssueCoupon,
    Promotion,
    PromotionCommand,
    PromotionOver,
    PromotionUnknown,
    UnusablePromotion,
)
from commerce.promotion_events import Discount, PromotionDefined, PromotionEvent, Wording
from commerce.wordings import worded

DEFINED, ENDED, ISSUED = (
    examples.PROMOTION_DEFINED,
    examples.PROMOTION_ENDED,
    examples.COUPON_ISSUED,
)
ID = DEFINED.promotion_id
DEFINE = DefinePromotion(
    promotion_id=ID,
    texts=DEFINED.texts,
    audience=DEFINED.audience,
    discount=DEFINED.discount,
    skus=DEFINED.skus,
    valid_from=DEFINED.valid_from,
    valid_to=DEFINED.valid_to,
    needs_coupon=True,
    per_person=1,
    total=100,
)
ISSUE = IssueCoupon(
    promotion_id=ID, code=ISSUED.code, person_id=ISSUED.person_id, uses=1, at=examples.FROM
)
amounts = st.integers(1, 100_000_000_000)
currencies = st.sampled_from(["TWD", "CNY", "EUR"])
prices = st.builds(Money, amount=amounts, currency=currencies)
discounts = st.one_of(
    st.builds(Discount, basis_points=st.integers(1, WHOLE - 1)),
    st.builds(Discount, amount=prices),
)


def promotion(*history: PromotionEvent) -> Scenario[Promotion, PromotionCommand, PromotionEvent]:
    return Scenario(PROMOTION, history)


def terms(name: str, discount: Discount) -> PromotionDefined:
    return replace(DEFINED, promotion_id=name, discount=discount, skus=None)


def test_a_promotion_keeps_its_terms() -> None:
    """People would be told ten percent and given five."""
    promotion().when(DEFINE).then(DEFINED)
    promotion(DEFINED).when(DEFINE).then_nothing()
    less = replace(DEFINE, discount=Discount(basis_points=500))
    promotion(DEFINED).when(less).then_rejected(DefinedDifferently)
    promotion(DEFINED).when(EndPromotion(promotion_id=ID, at=examples.TO)).then(ENDED)
    promotion(DEFINED, ENDED).when(EndPromotion(promotion_id=ID, at=examples.TO)).then_nothing()
    promotion().when(EndPromotion(promotion_id=ID, at=examples.TO)).then_rejected(PromotionUnknown)


@pytest.mark.parametrize(
    "senseless",
    [
        {"discount": Discount()},
        {"discount": Discount(basis_points=100, amount=Money(amount=1, currency="TWD"))},
        {"discount": Discount(basis_points=0)},
        {"discount": Discount(basis_points=WHOLE)},
        {"discount": Discount(amount=Money(amount=0, currency="TWD"))},
        {"texts": ()},
        {"texts": (Wording(lang="en", text="a"), Wording(lang="EN", text="b"))},
        {"valid_to": DEFINED.valid_from},
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused(senseless: dict[str, object]) -> None:
    """A price would go up or to nothing, or nobody could be told why."""
    promotion().when(replace(DEFINE, **senseless)).then_rejected(UnusablePromotion)


def test_a_coupon_is_issued_once_on_its_terms() -> None:
    """A code would be worth something else than what was promised with it."""
    promotion(DEFINED).when(ISSUE).then(ISSUED)
    promotion(DEFINED, ISSUED).when(ISSUE).then_nothing()
    promotion(DEFINED, ISSUED).when(replace(ISSUE, uses=2)).then_rejected(CouponDiffers)
    promotion(replace(DEFINED, needs_coupon=False)).when(ISSUE).then_rejected(CouponNotNeeded)
    promotion(DEFINED, ENDED).when(ISSUE).then_rejected(PromotionOver)
    promotion(DEFINED).when(replace(ISSUE, at=examples.TO)).then_rejected(PromotionOver)
    promotion().when(ISSUE).then_rejected(PromotionUnknown)


@given(sale=prices, discount=discounts, qty=st.integers(1, 1000))
def test_a_price_is_whole_and_between_nothing_and_the_sale_price(
    sale: Money, discount: Discount, qty: int
) -> None:
    """Somebody would pay nothing, more than without, in another currency, or a fraction."""
    price = reduced(sale, discount)
    if discount.amount and discount.amount.currency != sale.currency:
        assert price is None
        return
    assert price is not None
    assert price.currency == sale.currency
    assert 1 <= price.amount <= sale.amount
    assert sum([price] * (qty - 1), start=price) == price * qty
    if discount.basis_points is not None:
        exact = sale.amount * (WHOLE - discount.basis_points)
        assert price.amount == 1 or abs(price.amount * WHOLE - exact) <= WHOLE // 2
    if discount.amount is not None:
        assert price.amount == max(1, sale.amount - discount.amount.amount)


@given(sale=prices, several=st.lists(discounts, max_size=5), coupon=st.none() | discounts)
def test_the_lowest_price_wins_and_a_coupon_only_where_it_saves(
    sale: Money, several: list[Discount], coupon: Discount | None
) -> None:
    """A buyer would pay more than promised, or spend a coupon for nothing."""
    automatic = tuple(terms(f"p{number}", each) for number, each in enumerate(several))
    offers = Offers(automatic=automatic, by_coupon=terms("coupon", coupon) if coupon else None)
    best = offers.best("shirt", sale)
    without = Offers(automatic=automatic).best("shirt", sale)
    by_coupon = reduced(sale, coupon) if coupon else None
    found = [reduced(sale, each) for each in several]
    assert without.price == min([sale, *(price for price in found if price)])
    assert best.price == min(without.price, by_coupon or sale, key=lambda price: price.amount)
    if best.by and best.by.promotion_id == "coupon":
        assert best.price.amount < without.price.amount
    if best.by is None:
        assert best.price == sale


@pytest.mark.parametrize(
    ("asked", "lang", "text"),
    [
        ("zh-Hant", "zh-Hant", "會員優惠"),
        ("zh-Hant-TW", "zh-Hant", "會員優惠"),
        ("zh-HK", "zh-Hant", "會員優惠"),
        ("yue", "zh-Hant", "會員優惠"),
        ("zh-Hans", "zh-Hans", "会员优惠"),
        ("zh-CN", "zh-Hans", "会员优惠"),
        ("zh", "zh-Hans", "会员优惠"),
        ("EN-gb", "en", "Members save"),
        ("fr", "en", "Members save"),
        (None, "en", "Members save"),
    ],
)
def test_everybody_reads_the_nearest_text(asked: str | None, lang: str, text: str) -> None:
    """A reader would get a script or language that they cannot read while another was there."""
    texts = (Wording(lang="zh-Hant", text="會員優惠"), Wording(lang="en", text="Members save"))
    assert worded(texts, asked) == Wording(lang=lang, text=text)


def test_a_written_text_is_preferred_to_a_converted_one() -> None:
    """What somebody worded for their readers would be replaced by a machine's conversion."""
    texts = tuple(Wording(lang=lang, text=lang) for lang in ("zh", "yue", "zh-Hant"))
    assert [worded(texts, asked).text for asked in ("zh-Hant", "zh-TW", "yue-HK", "zh-Hans")] == [
        "zh-Hant",
        "zh-Hant",
        "yue",
        "zh",
    ]
    assert worded((Wording(lang="de", text="zehn"),), "zh-Hant").text == "zehn"
    assert worded((Wording(lang="zh-Hans", text="优惠"),), "zh-Hant").text == "優惠"
