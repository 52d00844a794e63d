"""Payment: what the provider was asked for and what it answered, in whatever order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from chassis.money import Money
from commerce.payment_commands import (
    Amend,
    Answer,
    Capture,
    GiveUp,
    Initiate,
    NoteAuthorized,
    NoteCaptured,
    NoteDeclined,
    NoteRefunded,
    NoteRefundFailed,
    NoteVoided,
    PaymentCommand,
    ProviderAnswer,
    Refund,
    RefundAgain,
    RefundAnswer,
    Void,
)
from commerce.payment_events import (
    LatePaymentReceived,
    PaymentAmended,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureRequested,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentRefundDoubled,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentStep,
    PaymentVoided,
    PaymentVoidRequested,
    RefundRequested,
)
from commerce.payment_state import Payment, evolve, initiated, next_try

TIMED_OUT, REFUND_FAILED = "timed_out", "refund_failed"
REFUND_TRIES = 5  # then a person has to find another way to give the money back


class NotAuthorized(Rejected):
    """Only money that was set aside can be taken."""

    code = "not_authorized"


class NothingToVoid(Rejected):
    """No money is set aside that could be let go."""

    code = "nothing_to_void"


class RefundUnknown(NotFound):
    """Nobody asked for this refund."""

    code = "refund_unknown"


class AmountDiffers(Rejected):
    """The provider names another amount than it was asked for."""

    code = "amount_differs"
    status = 422


class AmountSettled(Rejected):
    """The buyer has paid, so the amount stays what it is."""

    code = "amount_settled"


class RefundTooLarge(Rejected):
    """More would be given back than was taken."""

    code = "refund_too_large"


def decide(payment: Payment, command: PaymentCommand) -> Sequence[PaymentEvent]:
    """Turn a command into facts, or refuse it."""
    match command:
        case Initiate():
            return [] if payment.initiated else [_initiated(command)]
        case Amend():
            return _amend(payment, command)
        case GiveUp() | Capture() | Void() | Refund() | RefundAgain():
            return _ask(payment, command)
        case _:
            return _answered(payment, command)


def _initiated(command: Initiate) -> PaymentInitiated:
    return PaymentInitiated(
        payment_id=command.payment_id,
        order_id=command.order_id,
        amount=command.amount,
        due_at=command.due_at,
    )


def _amend(payment: Payment, command: Amend) -> Sequence[PaymentAmended]:
    whole = _of(payment)
    if command.amount == whole["amount"]:
        return []
    if payment.promised:
        raise AmountSettled(f"{whole['amount']} was paid.")
    return [PaymentAmended(**{**whole, "amount": command.amount})]


def _ask(
    payment: Payment, command: GiveUp | Capture | Void | Refund | RefundAgain
) -> Sequence[PaymentEvent]:
    match command:
        case GiveUp():
            return _give_up(payment)
        case Capture():
            return _capture(payment)
        case Void():
            return _void(payment)
        case Refund():
            return _refund(payment, command)
        case RefundAgain():
            return _refund_again(payment, command)
        case _:
            assert_never(command)


def _give_up(payment: Payment) -> Sequence[PaymentEvent]:
    if payment.status == "initiated":
        return [_failed(payment, step="authorise", reason=TIMED_OUT)]
    if payment.status == "capturing":
        return [_failed(payment, step="capture", reason=TIMED_OUT)]
    return []


def _capture(payment: Payment) -> Sequence[PaymentEvent]:
    if payment.status in {"capturing", "captured"}:
        return []
    if payment.status != "authorized":
        raise NotAuthorized(f"The payment is {payment.status}.")
    return [PaymentCaptureRequested(**_of(payment))]


def _void(payment: Payment) -> Sequence[PaymentEvent]:
    if payment.status in {"voiding", "voided"}:
        return []
    open_at_provider = payment.status in {"initiated", "authorized", "capturing"}
    if not open_at_provider and not (payment.status == "failed" and payment.promised):
        raise NothingToVoid(f"The payment is {payment.status}.")
    return [PaymentVoidRequested(**_of(payment))]


def _refund(payment: Payment, command: Refund) -> Sequence[PaymentEvent]:
    if payment.tries_of(command.refund_id):
        return []
    if not 0 < command.amount <= payment.refundable:
        raise RefundTooLarge(f"{payment.refundable} can be refunded.")
    whole = _of(payment)
    amount = replace(whole["amount"], amount=command.amount)
    return [
        RefundRequested(
            **{**whole, "amount": amount}, refund_id=command.refund_id, reason=command.reason
        )
    ]


def _refund_again(payment: Payment, command: RefundAgain) -> Sequence[PaymentEvent]:
    tries = payment.tries_of(command.refund_id)
    if command.refund_id not in payment.refused or tries[-1] != command.refund_id:
        return []  # it was asked for again already
    if payment.made(command.refund_id) or len(tries) >= REFUND_TRIES:
        return []
    amount = payment.refused[command.refund_id]
    again = Refund(refund_id=next_try(command.refund_id), amount=amount, reason=REFUND_FAILED)
    return _refund(payment, again)


def _answered(payment: Payment, answer: ProviderAnswer) -> Sequence[PaymentEvent]:
    began = initiated(payment)
    if answer.callback_id in payment.callbacks:
        return []
    if isinstance(answer, RefundAnswer):
        return _refund_answered(payment, answer)
    if answer.amount != began.amount:
        raise AmountDiffers(f"The payment is over {began.amount}.")
    match answer:
        case NoteAuthorized():
            return _authorized(payment, answer)
        case NoteCaptured():
            return _captured(payment, answer)
        case NoteDeclined():
            return _declined(payment, answer)
        case NoteVoided():
            return _voided(payment, answer)
        case _:
            assert_never(answer)


def _authorized(payment: Payment, answer: NoteAuthorized) -> Sequence[PaymentEvent]:
    if payment.status == "initiated":
        return [PaymentAuthorized(**_of(payment), callback_id=answer.callback_id, at=answer.at)]
    if payment.status in {"failed", "voided"} and not payment.promised:
        return [_late(payment, answer, captured=False)]
    return []  # known already, or its release is under way


def _captured(payment: Payment, answer: NoteCaptured) -> Sequence[PaymentEvent]:
    if payment.status == "captured":
        return []
    if payment.status in {"failed", "voiding", "voided"}:
        return [_late(payment, answer, captured=True)]
    return [PaymentCaptured(**_of(payment), callback_id=answer.callback_id, at=answer.at)]


def _declined(payment: Payment, answer: NoteDeclined) -> Sequence[PaymentEvent]:
    awaited = {"initiated": "authorise", "capturing": "capture"}.get(payment.status)
    if awaited != answer.step:
        return []
    return [
        _failed(payment, step=answer.step, reason=answer.reason, callback_id=answer.callback_id)
    ]


def _voided(payment: Payment, answer: NoteVoided) -> Sequence[PaymentEvent]:
    if payment.status != "voiding":
        return []
    return [PaymentVoided(**_of(payment), callback_id=answer.callback_id)]


def _refund_answered(payment: Payment, answer: RefundAnswer) -> Sequence[PaymentEvent]:
    if answer.refund_id in payment.done:
        return []  # that the money went back is the provider's last word
    about = _of_refund(payment, answer)
    if isinstance(answer, NoteRefunded):
        return _refunded(payment, answer, about)
    return _refund_failed(payment, answer, about)


def _refunded(
    payment: Payment, answer: NoteRefunded, about: Mapping[str, Any]
) -> Sequence[PaymentEvent]:
    if payment.made(answer.refund_id):
        return [PaymentRefundDoubled(**about)]
    # The word "refunded" counts also where the provider had called this refund failed.
    awaited = not payment.asked.keys().isdisjoint(payment.tries_of(answer.refund_id))
    return [PaymentRefunded(**about, awaited=awaited)]


def _refund_failed(
    payment: Payment, answer: NoteRefundFailed, about: Mapping[str, Any]
) -> Sequence[PaymentEvent]:
    if answer.refund_id not in payment.asked:
        return []
    attempt = len(payment.tries_of(answer.refund_id))
    return [PaymentRefundFailed(**about, reason=answer.reason, attempt=attempt, at=answer.at)]


def _of_refund(payment: Payment, answer: RefundAnswer) -> dict[str, Any]:
    known = {**payment.refused, **payment.asked}
    if answer.refund_id not in known:
        raise RefundUnknown("Nobody asked for this refund.")
    amount = Money(amount=known[answer.refund_id], currency=initiated(payment).amount.currency)
    if answer.amount != amount:
        raise AmountDiffers(f"The refund is over {amount}.")
    whole = {**_of(payment), "amount": amount}
    return {**whole, "refund_id": answer.refund_id, "callback_id": answer.callback_id}


def _of(payment: Payment) -> dict[str, Any]:
    began = initiated(payment)
    return {
        "payment_id": began.payment_id,
        "order_id": began.order_id,
        "amount": began.amount,
    }


def _late(payment: Payment, answer: Answer, *, captured: bool) -> LatePaymentReceived:
    return LatePaymentReceived(
        **_of(payment), captured=captured, callback_id=answer.callback_id, at=answer.at
    )


def _failed(
    payment: Payment, *, step: PaymentStep, reason: str, callback_id: str | None = None
) -> PaymentFailed:
    return PaymentFailed(**_of(payment), step=step, reason=reason, callback_id=callback_id)


PAYMENT: Decider[Payment, PaymentCommand, PaymentEvent] = Decider(
    category="payment", initial=Payment(), decide=decide, evolve=evolve
)
