"""Money as whole minor units of one currency (ISO 4217).

ISO 4217 says what a minor unit is, and not the digits that people usually write (as CLDR has
them): amounts are counted, charged, imported and shown by this one table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import iso4217
from marshmallow import ValidationError, validate

from chassis.schemas import Whole

Currency = Annotated[str, Whole(r"^[A-Z]{3}$", error="Not an ISO 4217 code.")]
# Codes without a minor unit, as of metals and of tests, are nobody's money.
_MINOR_UNITS: Mapping[str, int] = {
    listed.code: listed.exponent for listed in iso4217.Currency if listed.exponent is not None
}
_USUAL = 2


class MixedCurrencies(ValueError):
    """Amounts of two currencies cannot be added."""


class TooFine(ValueError):
    """A currency has no unit as small as that."""


def minor_units(currency: str) -> int:
    """Return how many decimals a currency's minor unit stands for.

    A code that was withdrawn since still stands in the log, and is counted in hundredths.

    >>> minor_units("TWD"), minor_units("JPY"), minor_units("IQD"), minor_units("HRK")
    (2, 0, 3, 2)
    """
    return _MINOR_UNITS.get(currency, _USUAL)


def in_use(currency: str) -> bool:
    """Say whether a code is a currency of today, with a minor unit to count it in.

    >>> in_use("TWD"), in_use("ZZZ"), in_use("XAU")
    (True, False, False)
    """
    return currency in _MINOR_UNITS


class InUse(validate.Validator):
    """A currency of today.

    Events hold whatever was in use when they happened, so only what somebody asks for is checked.
    """

    def __call__(self, value: "str | Money") -> "str | Money":
        """Return the currency, or the amount that is in it; raises ValidationError."""
        code = value if isinstance(value, str) else value.currency
        if not in_use(code):
            raise ValidationError("No currency of ISO 4217 that is in use; name one as TWD.")
        return value


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Money:
    """An amount in minor units (cents, fen), never a fraction.

    >>> Money(amount=149000, currency="TWD") + Money(amount=100, currency="TWD")
    Money(amount=149100, currency='TWD')
    """

    amount: int
    currency: Currency

    def __add__(self, other: "Money") -> "Money":
        """Return the sum; raises MixedCurrencies."""
        return Money(amount=self.amount + self._same(other), currency=self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Return the difference; raises MixedCurrencies."""
        return Money(amount=self.amount - self._same(other), currency=self.currency)

    def __mul__(self, quantity: int) -> "Money":
        """Return the amount ``quantity`` times."""
        return Money(amount=self.amount * quantity, currency=self.currency)

    @classmethod
    def of_decimal(cls, text: str, currency: str) -> "Money":
        """Return the amount that a decimal says, exactly; raises TooFine.

        >>> Money.of_decimal("149.5", "CNY"), Money.of_decimal("1.234", "IQD").amount
        (Money(amount=14950, currency='CNY'), 1234)
        """
        units = Decimal(text).scaleb(minor_units(currency))
        if units != int(units):
            raise TooFine(f"{currency} has {minor_units(currency)} decimals, not as {text}.")
        return cls(amount=int(units), currency=currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in whole units, with all the decimals that its currency has.

        >>> str(Money(amount=1250000, currency="IQD").decimal)
        '1250.000'
        """
        return Decimal(self.amount).scaleb(-minor_units(self.currency))

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency}")
        return other.amount


AskedCurrency = Annotated[Currency, InUse()]
AskedMoney = Annotated[Money, InUse()]
