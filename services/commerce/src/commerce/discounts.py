"""What a price becomes by a discount: whole minor units, one currency, never nothing."""

from chassis.money import Money
from commerce.promotion import WHOLE
from commerce.promotion_events import Discount


def reduced(price: Money, discount: Discount) -> Money | None:
    """Return what one piece costs with a discount, or None where it does not apply.

    A share is reckoned exactly and the price rounded to the nearest minor unit, a half up.
    A piece costs at least one minor unit, and an amount comes off prices of its currency only.

    >>> reduced(Money(amount=995, currency="TWD"), Discount(basis_points=1000))
    Money(amount=896, currency='TWD')
    """
    if discount.amount is not None:
        if discount.amount.currency != price.currency:
            return None
        return _at_least_one(price, price.amount - discount.amount.amount)
    kept = WHOLE - (discount.basis_points or 0)
    return _at_least_one(price, (price.amount * kept + WHOLE // 2) // WHOLE)


def _at_least_one(price: Money, amount: int) -> Money:
    return Money(amount=max(1, amount), currency=price.currency)
