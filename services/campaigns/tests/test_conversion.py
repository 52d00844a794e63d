"""An order's attribution, and how it is taken back."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given as sampled
from hypothesis import strategies as st

from campaigns import examples
from campaigns.attribution import Touch
from campaigns.conversion import (
    CONVERSION,
    AttributeConversion,
    AttributionCommand,
    CancelConversion,
    Conversion,
    RefundConversion,
)
from campaigns.events import AttributionEvent, AttributionReversed, ConversionAttributed
from chassis.money import MixedCurrencies, Money
from chassis.testing.scenario import Scenario

ATTRIBUTED, REVERSED = examples.CONVERSION_ATTRIBUTED, examples.ATTRIBUTION_REVERSED
ORDER = examples.ORDER_ID
LED = Touch(
    touch_id=examples.TOUCH_ID,
    event_id="1",
    channel="weibo",
    direct=False,
    at=examples.AT,
    campaign_id="spring-2026",
    content_id=str(examples.CONTENT_ID),
)
ATTRIBUTE = AttributeConversion(
    order_id=ORDER, amount=examples.PRICE, ordered_at=ATTRIBUTED.ordered_at, touches=(LED,)
)
CANCEL = CancelConversion(order_id=ORDER)


def given(*history: AttributionEvent) -> Scenario[Conversion, AttributionCommand, AttributionEvent]:
    return Scenario(CONVERSION, history)


def refund(amount: int) -> RefundConversion:
    return RefundConversion(order_id=ORDER, amount=Money(amount=amount, currency="CNY"))


def undone(amount: int, fraction: str) -> AttributionReversed:
    money = Money(amount=amount, currency="CNY")
    return AttributionReversed(order_id=ORDER, fraction=Decimal(fraction), amount=money)


def test_the_touch_before_an_order_gets_the_credit() -> None:
    """Nobody could see which channel sells."""
    given().when(ATTRIBUTE).then(ATTRIBUTED)


def test_an_order_is_attributed_once() -> None:
    """A redelivered message would double a channel's sales."""
    given(ATTRIBUTED).when(ATTRIBUTE).then_nothing()


def test_an_order_without_touches_credits_nobody() -> None:
    """A channel would be credited for an order that it had no part in."""
    given().when(replace(ATTRIBUTE, touches=())).then_nothing()


def test_a_touch_after_the_order_gets_nothing() -> None:
    """A late ad would take the credit of the ad that sold."""
    late = replace(LED, touch_id=UUID(int=9), at=ATTRIBUTED.ordered_at + timedelta(seconds=1))

    given().when(replace(ATTRIBUTE, touches=(LED, late))).then(ATTRIBUTED)


def test_a_partial_refund_takes_its_part_back() -> None:
    """A returned item would go on counting as a sale."""
    given(ATTRIBUTED).when(refund(3225)).then(REVERSED)


def test_the_last_refund_takes_the_rest_exactly() -> None:
    """A crumb of a fully refunded order would stay credited for ever."""
    third = undone(4300, "0.333333333333")

    given(ATTRIBUTED, third, third).when(refund(4300)).then(undone(4300, "0.333333333334"))


def test_no_more_is_taken_back_than_was_given() -> None:
    """A channel's sales could become negative."""
    given(ATTRIBUTED, REVERSED).when(refund(99_999)).then(undone(9675, "0.750000000000"))


def test_a_cancelled_order_takes_back_whatever_is_left() -> None:
    """A cancelled order would go on counting as a sale."""
    given(ATTRIBUTED, REVERSED).when(CANCEL).then(undone(9675, "0.750000000000"))


def test_a_refund_after_cancelling_changes_nothing() -> None:
    """The same money would be taken back twice."""
    given(ATTRIBUTED, undone(12900, "1")).when(refund(12900)).then_nothing()


def test_cancelling_twice_changes_nothing() -> None:
    """The same order would be taken back twice."""
    given(ATTRIBUTED, undone(12900, "1")).when(CANCEL).then_nothing()


def test_cancelling_what_was_never_attributed_changes_nothing() -> None:
    """Cancelled orders would fill the log with nothing."""
    given().when(CANCEL).then_nothing()


def test_a_free_order_can_be_taken_back_too() -> None:
    """A cancelled free sample would stay a conversion."""
    free = replace(ATTRIBUTED, amount=Money(amount=0, currency="CNY"))

    given(free).when(CANCEL).then(undone(0, "1"))
    given(free, undone(0, "1")).when(CANCEL).then_nothing()


def test_a_refund_that_arrives_first_is_not_forgotten() -> None:
    """Two services' messages can overtake each other; the sale would count in full."""
    given().when(refund(3225)).then(replace(examples.REFUND_NOTED, amount=REVERSED.amount))
    given(replace(examples.REFUND_NOTED, amount=REVERSED.amount)).when(ATTRIBUTE).then(
        ATTRIBUTED, REVERSED
    )


def test_a_refund_in_another_currency_is_never_guessed() -> None:
    """Euros would be taken for yuan."""
    euros = RefundConversion(order_id=ORDER, amount=Money(amount=5, currency="EUR"))

    with pytest.raises(MixedCurrencies):
        CONVERSION.decide(CONVERSION.fold([ATTRIBUTED]), euros)


@sampled(amount=st.integers(0, 10**9), refunds=st.lists(st.integers(1, 10**9), max_size=8))
def test_fractions_taken_back_sum_to_one_when_everything_is(
    amount: int, refunds: list[int]
) -> None:
    """Reports by fraction and reports by money would tell different stories."""
    history: list[AttributionEvent] = [
        replace(ATTRIBUTED, amount=Money(amount=amount, currency="CNY"))
    ]
    for command in [*map(refund, refunds), CANCEL]:
        history.extend(CONVERSION.decide(CONVERSION.fold(history), command))
    taken = [event for event in history if isinstance(event, AttributionReversed)]

    assert not [event for event in history[1:] if isinstance(event, ConversionAttributed)]
    assert sum(event.fraction for event in taken) == 1
    assert sum(event.amount.amount for event in taken) == amount
