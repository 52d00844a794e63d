"""Payment: what the provider says, in whatever order, never costs anybody money."""

from dataclasses import replace
from uuid import UUID

import pytest

from chassis.errors import Rejected
from chassis.testing.scenario import Scenario
from commerce import examples
from commerce.payment import (
    PAYMENT,
    AmountDiffers,
    AmountSettled,
    NothingToVoid,
    RefundTooLarge,
    RefundUnknown,
)
from commerce.payment_commands import (
    Amend,
    Capture,
    GiveUp,
    NoteAuthorized,
    NoteCaptured,
    NoteDeclined,
    NoteRefunded,
    NoteVoided,
    PaymentCommand,
    Refund,
    Void,
)
from commerce.payment_events import PaymentEvent
from commerce.payment_state import Payment, PaymentUnknown

INITIATED, AUTHORIZED = examples.PAYMENT_INITIATED, examples.PAYMENT_AUTHORIZED
ASKED, CAPTURED = examples.PAYMENT_CAPTURE_REQUESTED, examples.PAYMENT_CAPTURED
FAILED = examples.PAYMENT_FAILED
VOIDING, VOIDED = examples.PAYMENT_VOID_REQUESTED, examples.PAYMENT_VOIDED
TIMED_OUT = replace(FAILED, step="capture", reason="timed_out", callback_id=None)
PAID = (INITIATED, AUTHORIZED, ASKED, CAPTURED)
REFUNDING, REFUNDED = examples.REFUND_REQUESTED, examples.PAYMENT_REFUNDED
SAID = {"amount": examples.TOTAL, "at": examples.LATER}
AUTHORIZED_NEWS = NoteAuthorized(callback_id="n", **SAID)
CAPTURED_NEWS = NoteCaptured(callback_id="n", **SAID)


def given(*history: PaymentEvent) -> Scenario[Payment, PaymentCommand, PaymentEvent]:
    return Scenario(PAYMENT, history)


def refunded(callback_id: str = "cb-6", refund_id: UUID = examples.REFUND_ID) -> NoteRefunded:
    return NoteRefunded(
        callback_id=callback_id, amount=examples.PRICE, at=examples.NOW, refund_id=refund_id
    )


def refund(amount: int) -> Refund:
    return Refund(refund_id=examples.REFUND_ID, amount=amount, reason="returned")


def test_the_same_news_twice_is_heard_once() -> None:
    """A provider that repeats itself would move money twice."""
    news = NoteCaptured(callback_id="cb-2", **SAID)
    given(*PAID).when(news).then_nothing()
    given(*PAID).when(replace(news, callback_id="another")).then_nothing()


def test_money_that_was_taken_first_counts() -> None:
    """News that overtakes other news would be lost."""
    taken = replace(CAPTURED, callback_id="n", at=examples.LATER)
    given(INITIATED).when(CAPTURED_NEWS).then(taken)
    given(INITIATED, CAPTURED).when(AUTHORIZED_NEWS).then_nothing()


@pytest.mark.parametrize("ended", [(FAILED,), (VOIDING, VOIDED)])
def test_money_set_aside_too_late_is_never_passed_over(ended: tuple[PaymentEvent, ...]) -> None:
    """The buyer's money would stay set aside although we stopped waiting."""
    late = replace(examples.LATE_PAYMENT_RECEIVED, captured=False, callback_id="n")
    given(INITIATED, *ended).when(AUTHORIZED_NEWS).then(late)


@pytest.mark.parametrize(
    "ended", [(FAILED,), (AUTHORIZED, VOIDING), (AUTHORIZED, ASKED, TIMED_OUT)]
)
def test_money_taken_too_late_is_never_kept_in_silence(ended: tuple[PaymentEvent, ...]) -> None:
    """We would have money that belongs to no order."""
    late = replace(examples.LATE_PAYMENT_RECEIVED, callback_id="n")
    given(INITIATED, *ended).when(CAPTURED_NEWS).then(late)


def test_another_amount_is_refused() -> None:
    """An order would count as paid that was paid in part."""
    news = replace(CAPTURED_NEWS, amount=examples.PRICE)
    given(INITIATED, AUTHORIZED, ASKED).when(news).then_rejected(AmountDiffers)


def test_the_amount_follows_the_price_until_it_is_paid() -> None:
    """What the buyer pays at the new price would be refused, or the old price be booked."""
    amended = examples.PAYMENT_AMENDED
    amend = Amend(amount=amended.amount)
    given(INITIATED).when(amend).then(amended)
    given(INITIATED, amended).when(amend).then_nothing()
    paid = replace(CAPTURED_NEWS, amount=amended.amount)
    captured = replace(CAPTURED, callback_id="n", amount=amended.amount, at=examples.LATER)
    given(INITIATED, amended).when(paid).then(captured)
    given(INITIATED, CAPTURED).when(amend).then_rejected(AmountSettled)
    given().when(amend).then_rejected(PaymentUnknown)


def test_news_of_an_unknown_payment_is_refused() -> None:
    """Money would appear from nowhere."""
    given().when(CAPTURED_NEWS).then_rejected(PaymentUnknown)


def test_no_more_is_given_back_than_was_taken() -> None:
    """Refunds together would exceed the payment."""
    given(*PAID).when(refund(examples.TOTAL.amount + 1)).then_rejected(RefundTooLarge)
    more = Refund(refund_id=UUID(int=9), amount=examples.PRICE.amount + 1, reason="returned")
    given(*PAID, REFUNDING).when(more).then_rejected(RefundTooLarge)
    given(*PAID, REFUNDING, REFUNDED).when(more).then_rejected(RefundTooLarge)
    given(INITIATED, AUTHORIZED).when(refund(1)).then_rejected(RefundTooLarge)


def test_a_refund_is_asked_for_and_made_once() -> None:
    """A repeated step or callback would pay the buyer twice."""
    given(*PAID).when(refund(examples.PRICE.amount)).then(REFUNDING)
    given(*PAID, REFUNDING).when(refund(examples.PRICE.amount)).then_nothing()
    given(*PAID, REFUNDING).when(refunded()).then(REFUNDED)
    given(*PAID, REFUNDING, REFUNDED).when(refunded("other")).then_nothing()
    given(*PAID, REFUNDING).when(refunded(refund_id=UUID(int=9))).then_rejected(RefundUnknown)


def test_waiting_ends_only_where_an_answer_is_awaited() -> None:
    """A timer that is late would undo what the provider has done meanwhile."""
    unanswered = replace(FAILED, reason="timed_out", callback_id=None)
    given(INITIATED).when(GiveUp()).then(unanswered)
    given(INITIATED, AUTHORIZED, ASKED).when(GiveUp()).then(TIMED_OUT)
    given(INITIATED, AUTHORIZED).when(GiveUp()).then_nothing()
    given(*PAID).when(GiveUp()).then_nothing()


def test_a_refusal_counts_only_for_the_step_it_answers() -> None:
    """A late refusal of the card would undo a payment that went well."""
    declined = NoteDeclined(callback_id="cb-3", **SAID, step="authorise", reason="card_declined")
    given(INITIATED).when(declined).then(FAILED)
    given(INITIATED, AUTHORIZED, ASKED).when(declined).then_nothing()
    given(*PAID).when(replace(declined, step="capture")).then_nothing()


def test_only_money_that_is_set_aside_is_let_go() -> None:
    """Taken money cannot be let go, it has to be given back."""
    given(INITIATED, AUTHORIZED).when(Void()).then(VOIDING)
    given(INITIATED, AUTHORIZED, VOIDING).when(NoteVoided(callback_id="cb-4", **SAID)).then(VOIDED)
    given(*PAID).when(Void()).then_rejected(NothingToVoid)
    given(INITIATED, FAILED).when(Void()).then_rejected(NothingToVoid)


def test_only_money_that_is_set_aside_is_taken() -> None:
    """A declined card would be charged."""
    given(INITIATED, AUTHORIZED).when(Capture()).then(ASKED)
    given(INITIATED, AUTHORIZED, ASKED).when(Capture()).then_nothing()
    given(INITIATED, FAILED).when(Capture()).then_rejected(Rejected)
