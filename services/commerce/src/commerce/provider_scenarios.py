"""How the simulated payment provider answers, by the token of the means of payment.

Like real providers' test tokens: each stands for a card that behaves in one certain way.

======================  ===========================================================
token                   what the provider does
======================  ===========================================================
``tok_ok``              sets the money aside, takes it, gives it back when asked
``tok_declined``        refuses the card
``tok_timeout``         never answers the first request
``tok_late``            sets the money aside when the order has expired
``tok_late_captured``   takes the money when the order has expired
``tok_repeat``          does as ``tok_ok`` and says everything three times
``tok_reordered``       takes the money at once and says so before it says it's set aside
``tok_capture_fails``   sets the money aside and then cannot take it
``tok_capture_lost``    sets the money aside and never says whether it was taken
anything else           refuses the card
======================  ===========================================================
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from chassis.ids import derived_id
from chassis.money import Money

Operation = Literal["authorise", "capture", "void", "refund"]
Kind = Literal["authorized", "captured", "declined", "capture_failed", "voided", "refunded"]
REPEATS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Demand:
    """What a merchant asks.

    Args:
        merchant: Which one; his callbacks are signed with his own key.
        method: The token of the means of payment, where money is to be set aside.
        expires_at: When the merchant stops waiting.
    """

    amount: Money
    merchant: str
    callback_url: str
    method: str = ""
    expires_at: datetime | None = None
    refund_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """One piece of news that is to be told.

    Args:
        due_at: Not before this moment of the provider's clock; at once if None.
        times: How often it is told.
    """

    callback_id: str
    payment_id: UUID
    kind: Kind
    demand: Demand
    due_at: datetime | None = None
    times: int = 1


_AUTHORISE: Mapping[str, Sequence[Kind]] = {
    "tok_ok": ("authorized",),
    "tok_timeout": (),
    "tok_slow": ("authorized",),
    "tok_late": ("authorized",),
    "tok_late_captured": ("captured",),
    "tok_repeat": ("authorized",),
    "tok_reordered": ("captured", "authorized"),
    "tok_capture_fails": ("authorized",),
    "tok_capture_lost": ("authorized",),
}
_CAPTURE: Mapping[str, Sequence[Kind]] = {
    "tok_capture_fails": ("capture_failed",),
    "tok_capture_lost": (),
}
_FROM_EXPIRY: Mapping[str, timedelta] = {
    "tok_slow": timedelta(minutes=-5),
    "tok_late": timedelta(minutes=1),
    "tok_late_captured": timedelta(minutes=1),
}


def news_of(
    operation: Operation, demand: Demand, *, payment_id: UUID, method: str, key: str
) -> list[News]:
    """Return what the provider will say about one request, in the order it says it."""
    due_at = None
    if operation == "authorise" and demand.expires_at and method in _FROM_EXPIRY:
        due_at = demand.expires_at + _FROM_EXPIRY[method]
    return [
        News(
            callback_id=str(derived_id(payment_id, key, kind)),
            payment_id=payment_id,
            kind=kind,
            demand=replace(demand, method=""),
            due_at=due_at,
            times=REPEATS if method == "tok_repeat" else 1,
        )
        for kind in _kinds(operation, method)
    ]


def _kinds(operation: Operation, method: str) -> Sequence[Kind]:
    match operation:
        case "authorise":
            return _AUTHORISE.get(method, ("declined",))
        case "capture":
            return _CAPTURE.get(method, ("captured",))
        case "void":
            return ("voided",)
        case "refund":
            return ("refunded",)
