"""What commerce records about money: asked for, promised, taken, given back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.money import Money
from commerce.events import registry

PaymentStep = Literal["authorise", "capture"]


@registry.event("payment_initiated", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentInitiated:
    """The provider is asked to set the money of an order aside, by a certain moment."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    due_at: datetime


@registry.event("payment_amended", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentAmended:
    """What is paid elsewhere is another amount than was expected; nothing is paid yet."""

    payment_id: UUID
    order_id: UUID
    amount: Money


@registry.event("payment_authorized", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentAuthorized:
    """The buyer's money is set aside, not yet ours."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    callback_id: str
    at: datetime


@registry.event("payment_capture_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentCaptureRequested:
    """The goods are confirmed, so the provider is asked to take the money."""

    payment_id: UUID
    order_id: UUID
    amount: Money


@registry.event("payment_captured", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentCaptured:
    """The money is ours."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    callback_id: str
    at: datetime


@registry.event("payment_failed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentFailed:
    """A step of the payment was declined, or not answered in time (``timed_out``)."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    step: PaymentStep
    reason: str
    callback_id: str | None


@registry.event("payment_void_requested")
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentVoidRequested:
    """The provider is asked to let go of money that was only set aside."""

    payment_id: UUID
    order_id: UUID
    amount: Money


@registry.event("payment_voided", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentVoided:
    """The buyer can use the money again; none of it was taken."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    callback_id: str


@registry.event("late_payment_received", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LatePaymentReceived:
    """Money came after we had stopped waiting for it: set aside, or ``captured`` already."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    captured: bool
    callback_id: str
    at: datetime


@registry.event("refund_requested", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class RefundRequested:
    """The provider is asked to give money back that we had taken."""

    payment_id: UUID
    order_id: UUID
    refund_id: UUID
    amount: Money
    reason: str


@registry.event("payment_refunded", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRefunded:
    """The buyer has the money back.

    Args:
        awaited: False where the provider had refused the refund, and was not asked again yet.
    """

    payment_id: UUID
    order_id: UUID
    refund_id: UUID
    amount: Money
    callback_id: str
    awaited: bool = True


@registry.event("payment_refund_failed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRefundFailed:
    """The provider did not give money back; we owe it as before.

    Args:
        attempt: How often this money was asked back so far, from 1.
    """

    payment_id: UUID
    order_id: UUID
    refund_id: UUID
    amount: Money
    reason: str
    attempt: int
    callback_id: str
    at: datetime


@registry.event("payment_refund_doubled", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class PaymentRefundDoubled:
    """The provider says that it gave back once more what had gone back; a person has to look."""

    payment_id: UUID
    order_id: UUID
    refund_id: UUID
    amount: Money
    callback_id: str


PaymentEvent = (
    PaymentInitiated
    | PaymentAmended
    | PaymentAuthorized
    | PaymentCaptureRequested
    | PaymentCaptured
    | PaymentFailed
    | PaymentVoidRequested
    | PaymentVoided
    | LatePaymentReceived
    | RefundRequested
    | PaymentRefunded
    | PaymentRefundFailed
    | PaymentRefundDoubled
)
