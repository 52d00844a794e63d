"""Refund: its tries are one sum, which goes back once whatever the provider says of them."""

import json
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given as given_words
from hypothesis import strategies as st

from chassis import schemas, stored_values
from chassis.testing.scenario import Scenario
from commerce import examples
from commerce.events import registry
from commerce.order_process_state import State
from commerce.payment import PAYMENT, REFUND_TRIES, AmountDiffers, RefundUnknown
from commerce.payment_commands import (
    NoteRefunded,
    NoteRefundFailed,
    PaymentCommand,
    Refund,
    RefundAgain,
)
from commerce.payment_events import PaymentEvent, PaymentRefunded
from commerce.payment_state import Payment, next_try

PRICE = 149000
FIRST = examples.REFUND_ID
SECOND = next_try(FIRST)
PAID = (
    examples.PAYMENT_INITIATED,
    examples.PAYMENT_AUTHORIZED,
    examples.PAYMENT_CAPTURE_REQUESTED,
    examples.PAYMENT_CAPTURED,
)
ASKED, REFUNDED = examples.REFUND_REQUESTED, examples.PAYMENT_REFUNDED
FAILED, DOUBLED = examples.PAYMENT_REFUND_FAILED, examples.PAYMENT_REFUND_DOUBLED
ASKED_AGAIN = replace(ASKED, refund_id=SECOND, reason="refund_failed")
REFUNDED_AGAIN = replace(REFUNDED, refund_id=SECOND, callback_id="cb-9")
LATE = replace(REFUNDED, awaited=False)


def given(*history: PaymentEvent) -> Scenario[Payment, PaymentCommand, PaymentEvent]:
    return Scenario(PAYMENT, (*PAID, *history))


def refunded(refund_id: UUID = FIRST, callback_id: str = "cb-6") -> NoteRefunded:
    return NoteRefunded(
        callback_id=callback_id, amount=examples.PRICE, at=examples.LATER, refund_id=refund_id
    )


def failed(refund_id: UUID = FIRST, callback_id: str = "cb-7") -> NoteRefundFailed:
    return NoteRefundFailed(
        callback_id=callback_id,
        amount=examples.PRICE,
        at=examples.LATER,
        refund_id=refund_id,
        reason="account_closed",
    )


def test_a_refused_refund_is_owed_again() -> None:
    """The money would count as on its way for ever, and nobody would ask for it again."""
    given(ASKED).when(failed()).then(FAILED)
    given(ASKED, FAILED).when(RefundAgain(refund_id=FIRST)).then(ASKED_AGAIN)


def test_a_refusal_counts_once_and_only_for_a_refund_that_was_asked_for() -> None:
    """One refused refund would be asked for again twice."""
    given(ASKED, FAILED).when(failed()).then_nothing()
    given(ASKED, FAILED).when(failed(callback_id="other")).then_nothing()
    given(ASKED, FAILED, ASKED_AGAIN).when(failed(callback_id="other")).then_nothing()
    given(ASKED).when(failed(UUID(int=9))).then_rejected(RefundUnknown)
    another = replace(failed(), amount=examples.TOTAL)
    given(ASKED).when(another).then_rejected(AmountDiffers)


def test_the_same_money_is_asked_for_again_once_at_a_time() -> None:
    """A repeated step would ask for the money twice, and get it twice."""
    again = RefundAgain(refund_id=FIRST)
    given(ASKED).when(again).then_nothing()
    given(ASKED, FAILED, ASKED_AGAIN).when(again).then_nothing()
    given(ASKED, FAILED, LATE).when(again).then_nothing()
    given(ASKED, FAILED, ASKED_AGAIN, REFUNDED).when(RefundAgain(refund_id=SECOND)).then_nothing()
    given().when(again).then_nothing()
    first = Refund(refund_id=FIRST, amount=PRICE, reason="returned")
    given(ASKED, FAILED).when(first).then_nothing()


def test_after_some_tries_nobody_is_asked_any_more() -> None:
    """A closed account would be tried for ever, and no person would ever look at it."""
    history, refund_id = [], FIRST
    for attempt in range(1, REFUND_TRIES + 1):
        refusal = replace(FAILED, refund_id=refund_id, attempt=attempt, callback_id=str(attempt))
        history += [replace(ASKED, refund_id=refund_id), refusal]
        last, refund_id = refund_id, next_try(refund_id)

    given(*history[:-1]).when(failed(last, callback_id=str(REFUND_TRIES))).then(history[-1])
    given(*history).when(RefundAgain(refund_id=last)).then_nothing()
    assert PAYMENT.fold([*PAID, *history]).refundable == examples.TOTAL.amount


def test_money_that_went_back_after_all_is_booked_once() -> None:
    """It would be asked for again, or counted as ours although the buyer has it."""
    given(ASKED, FAILED).when(refunded()).then(LATE)
    given(ASKED, FAILED, LATE).when(refunded(callback_id="other")).then_nothing()
    given(ASKED, FAILED, ASKED_AGAIN).when(refunded()).then(REFUNDED)
    settled = PAYMENT.fold([*PAID, ASKED, FAILED, ASKED_AGAIN, REFUNDED])
    assert (settled.asked, settled.refunded) == ({}, PRICE)


def test_a_refusal_that_was_overtaken_changes_nothing() -> None:
    """Money that went back would be owed again, only because the news came in another order."""
    given(ASKED, REFUNDED).when(failed()).then_nothing()
    given(ASKED, FAILED, ASKED_AGAIN, REFUNDED).when(failed(SECOND)).then_nothing()


@pytest.mark.parametrize(
    ("history", "second"),
    [
        ((ASKED, FAILED, ASKED_AGAIN, REFUNDED), SECOND),
        ((ASKED, FAILED, ASKED_AGAIN, REFUNDED_AGAIN), FIRST),
    ],
)
def test_money_that_went_back_twice_is_booked_once_and_said_aloud(
    history: tuple[PaymentEvent, ...], second: UUID
) -> None:
    """More would be booked as refunded than was taken, or our loss would be passed over."""
    doubled = replace(DOUBLED, refund_id=second)
    given(*history).when(refunded(second, "cb-8")).then(doubled)
    given(*history, doubled).when(refunded(second, "cb-x")).then_nothing()
    assert PAYMENT.fold([*PAID, *history, doubled]).refunded == PRICE


WORDS = st.tuples(st.sampled_from(["again", "refunded", "failed"]), st.integers(0, REFUND_TRIES))


@given_words(words=st.lists(WORDS, max_size=20))
def test_whatever_is_said_of_a_refund_its_money_goes_back_once(
    words: list[tuple[str, int]],
) -> None:
    """Some order of the provider's words would pay twice, or forget that the money went back."""
    ids = [FIRST]
    for _ in range(REFUND_TRIES):
        ids.append(next_try(ids[-1]))
    history: list[PaymentEvent] = [*PAID, ASKED]
    made = False
    for number, (word, which) in enumerate(words):
        asked = ids[which] in PAYMENT.fold(history).tries_of(FIRST)
        made = made or (asked and word == "refunded")
        history += said(history, word, ids[which], callback_id=str(number))
        payment = PAYMENT.fold(history)
        assert sum(isinstance(event, PaymentRefunded) for event in history) == made
        assert payment.refunded == PRICE * made
        assert len(payment.asked) <= 1 - made
        assert payment.refundable == examples.TOTAL.amount - PRICE * (made + len(payment.asked))


def said(
    history: Sequence[PaymentEvent], word: str, refund_id: UUID, *, callback_id: str
) -> Sequence[PaymentEvent]:
    """Return what follows from one word about a refund; one of an unknown refund is refused."""
    commands: dict[str, PaymentCommand] = {
        "again": RefundAgain(refund_id=refund_id),
        "refunded": refunded(refund_id, callback_id),
        "failed": failed(refund_id, callback_id),
    }
    try:
        return PAYMENT.decide(PAYMENT.fold(history), commands[word])
    except RefundUnknown:
        return []


def test_a_refund_that_was_recorded_before_is_read_as_an_awaited_one() -> None:
    """What went back before there were refusals would be booked in another way."""
    old = {name: part for name, part in schemas.dump(REFUNDED).items() if name != "awaited"}
    kind = registry.kind_of(REFUNDED)
    assert kind.read(json.dumps(old).encode()) == REFUNDED
    assert stored_values.convert(State, {"refunds": 1}) == State(refunds=1, doubled=0)
