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
``tok_void_lost``       as ``tok_capture_lost``, and never says whether it let the money go
``tok_refund_fails``    refuses to give money back twice, then gives it
``tok_refund_lost``     never says whether it gave the money back
``tok_unavailable``     takes each request, and answers 503 the first time
``tok_other_amount``    names another amount when it sets the money aside
``tok_other_captured``  takes another amount than was set aside, and lets none of it go
``tok_hosted_...``      waits for the buyer, who pays or declines on the provider's own page
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
Kind = Literal[
    "authorized", "captured", "declined", "capture_failed", "voided", "refunded", "refund_failed"
]
REPEATS = 3
REFUSALS = 2
HOSTED = "tok_hosted_"
UNAVAILABLE = "tok_unavailable"


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
    "tok_void_lost": ("authorized",),
    "tok_refund_fails": ("authorized",),
    "tok_refund_lost": ("authorized",),
    "tok_unavailable": ("authorized",),
    "tok_other_amount": ("authorized",),
    "tok_other_captured": ("authorized",),
}
_CAPTURE: Mapping[str, Sequence[Kind]] = {
    "tok_capture_fails": ("capture_failed",),
    "tok_capture_lost": (),
    "tok_void_lost": (),
}
_NEVER_LET_GO = frozenset({"tok_void_lost", "tok_other_captured"})
_OTHER_AMOUNT = frozenset({("authorise", "tok_other_amount"), ("capture", "tok_other_captured")})
_FROM_EXPIRY: Mapping[str, timedelta] = {
    "tok_slow": timedelta(minutes=-5),
    "tok_late": timedelta(minutes=1),
    "tok_late_captured": timedelta(minutes=1),
}


def chosen(
    kind: Literal["authorized", "declined"], demand: Demand, *, payment_id: UUID, key: str
) -> News:
    """Return what the provider says once the buyer has made up his mind on its page."""
    return News(
        callback_id=str(derived_id(payment_id, key, kind)),
        payment_id=payment_id,
        kind=kind,
        demand=replace(demand, method=""),
    )


def news_of(
    operation: Operation,
    demand: Demand,
    *,
    payment_id: UUID,
    method: str,
    key: str,
    earlier: int = 0,
) -> list[News]:
    """Return what the provider will say about one request, in the order it says it.

    ``earlier`` is how many such requests it took for this payment before.
    """
    due_at = None
    if operation == "authorise" and demand.expires_at and method in _FROM_EXPIRY:
        due_at = demand.expires_at + _FROM_EXPIRY[method]
    return [
        News(
            callback_id=str(derived_id(payment_id, key, kind)),
            payment_id=payment_id,
            kind=kind,
            demand=replace(demand, method="", amount=_amount(operation, demand, method)),
            due_at=due_at,
            times=REPEATS if method == "tok_repeat" else 1,
        )
        for kind in _kinds(operation, method, earlier)
    ]


def _amount(operation: Operation, demand: Demand, method: str) -> Money:
    if (operation, method) not in _OTHER_AMOUNT:
        return demand.amount
    return replace(demand.amount, amount=demand.amount.amount + 1)


def _kinds(operation: Operation, method: str, earlier: int) -> Sequence[Kind]:
    match operation:
        case "authorise":
            if method.startswith(HOSTED):
                return ()
            return _AUTHORISE.get(method, ("declined",))
        case "capture":
            return _CAPTURE.get(method, ("captured",))
        case "void":
            return () if method in _NEVER_LET_GO else ("voided",)
        case "refund":
            return _refund(method, earlier)


def _refund(method: str, earlier: int) -> Sequence[Kind]:
    if method == "tok_refund_lost":
        return ()
    refused = method == "tok_refund_fails" and earlier < REFUSALS
    return ("refund_failed",) if refused else ("refunded",)
