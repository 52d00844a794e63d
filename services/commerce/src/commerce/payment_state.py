"""Where a payment stands, from what we asked and what the provider answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never
from uuid import UUID

from chassis.errors import NotFound
from chassis.money import Money
from commerce.payment_events import (
    LatePaymentReceived,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureRequested,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentRefunded,
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
        promised: Whether the money was ever set aside.
        asked: Refunds that the provider was asked for and has not answered.
        done: Refunds that were made.
        callbacks: The provider's ids of the news that we have taken.
    """

    initiated: PaymentInitiated | None = None
    status: Status = "none"
    promised: bool = False
    captured: int = 0
    refunded: int = 0
    asked: Mapping[UUID, int] = field(default_factory=dict)
    done: frozenset[UUID] = frozenset()
    callbacks: frozenset[str] = frozenset()

    @property
    def refundable(self) -> int:
        """How much was taken and is not asked to be given back."""
        return self.captured - self.refunded - sum(self.asked.values())


def evolve(payment: Payment, event: PaymentEvent) -> Payment:
    """Apply one fact."""
    known = _heard(payment, event)
    match event:
        case PaymentInitiated():
            now = replace(known, initiated=event, status="initiated")
        case PaymentAuthorized() | LatePaymentReceived(captured=False):
            now = replace(known, status="authorized", promised=True)
        case PaymentCaptured() | LatePaymentReceived():
            now = _with_captured(known, event.amount)
        case PaymentCaptureRequested() | PaymentFailed() | PaymentVoidRequested() | PaymentVoided():
            now = replace(known, status=_STATUS[type(event)])
        case RefundRequested():
            now = replace(known, asked={**known.asked, event.refund_id: event.amount.amount})
        case PaymentRefunded():
            now = _with_refunded(known, event)
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


def _with_refunded(payment: Payment, event: PaymentRefunded) -> Payment:
    return replace(
        payment,
        asked={key: due for key, due in payment.asked.items() if key != event.refund_id},
        done=payment.done | {event.refund_id},
        refunded=payment.refunded + event.amount.amount,
    )
