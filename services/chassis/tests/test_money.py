"""Money is counted in the minor units that ISO 4217 gives its currency."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from chassis import schemas
from chassis.errors import Invalid
from chassis.money import AskedCurrency, AskedMoney, Money, TooFine, minor_units


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What somebody sends."""

    price: AskedMoney
    currency: AskedCurrency = "TWD"


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("TWD", 2), ("JPY", 0), ("IQD", 3), ("RSD", 2), ("LAK", 2), ("ALL", 2), ("CLF", 4)],
)
def test_minor_units_are_those_of_the_standard(currency: str, decimals: int) -> None:
    """People would read, and be charged, a hundred or a thousand times what a thing costs."""
    assert minor_units(currency) == decimals


def test_a_decimal_is_exact_both_ways() -> None:
    """A float between would lose a cent of some amounts."""
    assert Money.of_decimal("90071992547409.93", "CNY").amount == 9007199254740993
    assert Money(amount=9007199254740993, currency="CNY").decimal == Decimal("90071992547409.93")


@pytest.mark.parametrize(("text", "currency"), [("1.5", "JPY"), ("0.001", "TWD")])
def test_what_a_currency_cannot_pay_is_refused(text: str, currency: str) -> None:
    """Half a yen would be rounded, and books that are told of it twice would not agree."""
    with pytest.raises(TooFine):
        Money.of_decimal(text, currency)


@pytest.mark.parametrize("code", ["ZZZ", "XXX", "XAU", "EURO", "twd"])
def test_nobody_can_ask_for_money_that_does_not_exist(code: str) -> None:
    """A mistyped currency would be offered, charged and reported beside the real one."""
    with pytest.raises(Invalid) as amount:
        schemas.load(Asked, {"price": {"amount": 1, "currency": code}})
    with pytest.raises(Invalid) as alone:
        schemas.load(Asked, {"price": {"amount": 1, "currency": "TWD"}, "currency": code})
    assert (amount.value.problems.keys(), alone.value.problems.keys()) == ({"price"}, {"currency"})


def test_money_of_a_withdrawn_currency_is_still_read() -> None:
    """An old event would make its whole stream unreadable once its currency is withdrawn."""
    assert schemas.load(Money, {"amount": 1250, "currency": "HRK"}).decimal == Decimal("12.5")
