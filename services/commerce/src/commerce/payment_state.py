"""Where a payment stands, from what we asked and what the provider answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never
from uuid import UUID

from chassis.errors import NotFound
from chassis.ids import derived_id
from chassis.money import Money
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
    PaymentVoided,
    PaymentVoidRequested,
    RefundRequested,
)

Status = Literal[
    "none", "initiated", "authorized", "capturing", "captured", "failed", "voiding", "voided"
]
_STATUS: Mapping[type[Any], Status] = {
    PaymentCaptureRequested: "capturing",
    PaymentFailed: "failed",
    PaymentVoidRequested: "voiding",
    PaymentVoided: "voided",
}


class PaymentUnknown(NotFound):
    """There is no such payment."""

    code = "payment_unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """Where a payment stands.

    Args:
        initiated: How it began, over the amount that holds now.
        promised: Whether the money was ever set aside.
        asked: Refunds that the provider was asked for and has not answered.
        done: Refunds that were made.
        refused: Refunds that the provider called failed, or need not make any more.
        tries: For each sum that is to go back, the refunds by which it was asked for in turn.
        callbacks: The provider's ids of the news that we have taken.
    """

    initiated: PaymentInitiated | None = None
    status: Status = "none"
    promised: bool = False
    captured: int = 0
    refunded: int = 0
    asked: Mapping[UUID, int] = field(default_factory=dict)
    done: frozenset[UUID] = frozenset()
    refused: Mapping[UUID, int] = field(default_factory=dict)
    tries: tuple[tuple[UUID, ...], ...] = ()
    callbacks: frozenset[str] = frozenset()

    @property
    def refundable(self) -> int:
        """How much was taken and is not asked to be given back."""
        return self.captured - self.refunded - sum(self.asked.values())

    def tries_of(self, refund_id: UUID) -> tuple[UUID, ...]:
        """Return the refunds by which the same money was asked for, in turn."""
        return next((tries for tries in self.tries if refund_id in tries), ())

    def made(self, refund_id: UUID) -> bool:
        """Say whether a refund's money went back, by whichever try."""
        return not self.done.isdisjoint(self.tries_of(refund_id))


def next_try(refund_id: UUID) -> UUID:
    """Return the id under which a refused refund is asked for again."""
    return derived_id(refund_id, "again")


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """Apply one fact."""
    known = _heard(payment, event)
    match event:
        case PaymentInitiated():
            now = replace(known, initiated=event, status="initiated")
        case PaymentAmended():
            now = replace(known, initiated=replace(initiated(known), amount=event.amount))
        case PaymentAuthorized() | LatePaymentReceived(captured=False):
            now = replace(known, status="authorized", promised=True)
        case PaymentCaptured() | LatePaymentReceived():
            now = _with_captured(known, event.amount)
        case PaymentCaptureRequested() | PaymentFailed() | PaymentVoidRequested() | PaymentVoided():
            now = replace(known, status=_STATUS[type(event)])
        case RefundRequested():
            now = _with_asked(known, event)
        case PaymentRefunded():
            now = _with_refunded(known, event)
        case PaymentRefundFailed():
            now = _given_up(known, (event.refund_id,))
        case PaymentRefundDoubled():
            now = replace(known, done=known.done | {event.refund_id})
        case _:
            assert_never(event)
    return now


def initiated(payment: Payment) -> PaymentInitiated:
    """Return how a payment began.

    Raises:
        PaymentUnknown: it never did.
    """
    if payment.initiated is None:
        raise PaymentUnknown("There is no such payment.")
    return payment.initiated


def _heard(payment: Payment, event: PaymentEvent) -> Payment:
    callback_id = getattr(event, "callback_id", None)
    known = {callback_id} if callback_id else set()
    return replace(payment, callbacks=payment.callbacks | known)


def _with_captured(payment: Payment, amount: Money) -> Payment:
    taken = payment.captured + amount.amount
    return replace(payment, status="captured", promised=True, captured=taken)


def _with_asked(payment: Payment, event: RefundRequested) -> Payment:
    return replace(
        payment,
        asked={**payment.asked, event.refund_id: event.amount.amount},
        tries=_with_try(payment.tries, event.refund_id),
    )


def _with_try(tries: tuple[tuple[UUID, ...], ...], refund_id: UUID) -> tuple[tuple[UUID, ...], ...]:
    """Add a try to those it follows, or begin with it."""
    for number, earlier in enumerate(tries):
        if next_try(earlier[-1]) == refund_id:
            return (*tries[:number], (*earlier, refund_id), *tries[number + 1 :])
    return (*tries, (refund_id,))


def _with_refunded(payment: Payment, event: PaymentRefunded) -> Payment:
    """Note money that went back; another try for the same money is not waited for any more."""
    settled = _given_up(payment, payment.tries_of(event.refund_id))
    return replace(
        settled,
        done=payment.done | {event.refund_id},
        refunded=payment.refunded + event.amount.amount,
    )


def _given_up(payment: Payment, refund_ids: tuple[UUID, ...]) -> Payment:
    over = {key: due for key, due in payment.asked.items() if key in refund_ids}
    left = {key: due for key, due in payment.asked.items() if key not in refund_ids}
    return replace(payment, asked=left, refused={**payment.refused, **over})
