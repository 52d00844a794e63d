"""Money as whole minor units of one currency (ISO 4217)."""

from dataclasses import dataclass
from typing import Annotated

from chassis.schemas import Whole

Currency = Annotated[str, Whole(r"^[A-Z]{3}$", error="Not an ISO 4217 code.")]


class MixedCurrencies(ValueError):
    """Amounts of two currencies cannot be added."""


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

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise MixedCurrencies(f"{self.currency} and {other.currency}")
        return other.amount
