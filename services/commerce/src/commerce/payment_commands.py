"""What can be asked of a payment, by us or by the provider's answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from chassis.money import Money


@dataclass(frozen=True, kw_only=True, slots=True)
class Initiate:
    """Ask the provider to set money aside."""

    payment_id: UUID
    order_id: UUID
    amount: Money
    due_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Amend:
    """Expect another amount; only of a payment that no provider was asked for."""

    amount: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class GiveUp:
    """Stop waiting for the provider's answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Capture:
    """Ask the provider to take the money that is set aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Void:
    """Ask the provider to let go of the money that is set aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """Ask the provider to give money back."""

    refund_id: UUID
    amount: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundAgain:
    """Ask once more for a refund that the provider refused."""

    refund_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What every answer of the provider says.

    Args:
        callback_id: The provider's own id of this piece of news.
        at: When it reached us.
    """

    callback_id: str
    amount: Money
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteAuthorized(Answer):
    """The provider has set the money aside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteCaptured(Answer):
    """The provider has taken the money."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteDeclined(Answer):
    """The provider refuses to set the money aside, or to take it."""

    step: Literal["authorise", "capture"]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteVoided(Answer):
    """The provider has let the money go."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteRefunded(Answer):
    """The provider has given money back."""

    refund_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteRefundFailed(Answer):
    """The provider does not give money back."""

    refund_id: UUID
    reason: str


RefundAnswer = NoteRefunded | NoteRefundFailed
ProviderAnswer = NoteAuthorized | NoteCaptured | NoteDeclined | NoteVoided | RefundAnswer
PaymentCommand = Initiate | Amend | GiveUp | Capture | Void | Refund | RefundAgain | ProviderAnswer
