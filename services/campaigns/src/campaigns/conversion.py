"""An order's attribution: given once, and taken back in the measure that money goes back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from campaigns import attribution
from campaigns.attribution import MODELS, Touch, apportion, fraction_of, path_of, weights
from campaigns.events import (
    AttributionEvent,
    AttributionReversed,
    ConversionAttributed,
    Credit,
    Model,
    RefundNoted,
)
from chassis.decider import Decider
from chassis.money import MixedCurrencies, Money

_ALL = Decimal(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class AttributeConversion:
    """Share a confirmed order out over its person's touches."""

    order_id: str
    amount: Money
    ordered_at: datetime
    touches: tuple[Touch, ...]
    model: Model = "last"
    window_days: int = attribution.WINDOW_DAYS


@dataclass(frozen=True, kw_only=True, slots=True)
class RefundConversion:
    """Take back what a refund undoes."""

    order_id: str
    amount: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class CancelConversion:
    """Take back whatever is left."""

    order_id: str


AttributionCommand = AttributeConversion | RefundConversion | CancelConversion


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversion:
    """What was attributed and how much of it was taken back since.

    Args:
        amount: None while nothing is attributed.
        refunded: Money that went back before the attribution.
    """

    amount: Money | None = None
    reversed: int = 0
    fraction: Decimal = Decimal(0)
    refunded: int = 0


def decide(conversion: Conversion, command: AttributionCommand) -> Sequence[AttributionEvent]:
    """Turn a command into facts."""
    match command:
        case AttributeConversion():
            return _attribute(conversion, command)
        case RefundConversion():
            return _refund(conversion, command)
        case CancelConversion():
            return _cancel(conversion, command.order_id)
        case _:
            assert_never(command)


def evolve(conversion: Conversion, event: AttributionEvent) -> Conversion:
    """Apply one fact.  Never refuses: it already happened."""
    match event:
        case ConversionAttributed():
            return replace(conversion, amount=event.amount)
        case AttributionReversed():
            return replace(
                conversion,
                reversed=conversion.reversed + event.amount.amount,
                fraction=conversion.fraction + event.fraction,
            )
        case RefundNoted():
            return replace(conversion, refunded=conversion.refunded + event.amount.amount)
        case _:
            assert_never(event)


CONVERSION: Decider[Conversion, AttributionCommand, AttributionEvent] = Decider(
    category="attribution", initial=Conversion(), decide=decide, evolve=evolve
)


def credits_of(path: Sequence[Touch], *, model: Model, amount: Money) -> tuple[Credit, ...]:
    """Return each touch's share of an amount; the shares and the amounts lose nothing."""
    shares = MODELS[model](path)
    credited = [touch for touch in path if touch.touch_id in shares]
    parts = [shares[touch.touch_id] for touch in credited]
    split = zip(credited, weights(parts), apportion(amount.amount, parts), strict=True)
    return tuple(
        Credit(
            touch_id=touch.touch_id,
            channel=touch.channel,
            campaign_id=touch.campaign_id,
            content_id=touch.content_id,
            weight=weight,
            amount=Money(amount=units, currency=amount.currency),
        )
        for touch, weight, units in split
    )


def _attribute(conversion: Conversion, command: AttributeConversion) -> Sequence[AttributionEvent]:
    path = path_of(command.touches, ordered_at=command.ordered_at, window_days=command.window_days)
    if conversion.amount is not None or not path:
        return []  # attributed before, or nobody to give credit to
    attributed = ConversionAttributed(
        order_id=command.order_id,
        model=command.model,
        window_days=command.window_days,
        ordered_at=command.ordered_at,
        credits=credits_of(path, model=command.model, amount=command.amount),
        amount=command.amount,
    )
    known = evolve(conversion, attributed)
    earlier = _reversal(known, command.order_id, conversion.refunded)
    return [attributed, *earlier]


def _refund(conversion: Conversion, command: RefundConversion) -> Sequence[AttributionEvent]:
    if conversion.amount is None:
        return [RefundNoted(order_id=command.order_id, amount=command.amount)]
    if conversion.amount.currency != command.amount.currency:
        raise MixedCurrencies(command.order_id)
    return _reversal(conversion, command.order_id, command.amount.amount)


def _cancel(conversion: Conversion, order_id: str) -> Sequence[AttributionEvent]:
    if conversion.amount is None or conversion.fraction == _ALL:
        return []
    return [_reversed(conversion, conversion.amount, order_id, _left(conversion))]


def _reversal(conversion: Conversion, order_id: str, wanted: int) -> Sequence[AttributionEvent]:
    units = min(wanted, _left(conversion))
    if conversion.amount is None or units <= 0:
        return []
    return [_reversed(conversion, conversion.amount, order_id, units)]


def _reversed(
    conversion: Conversion, amount: Money, order_id: str, units: int
) -> AttributionReversed:
    everything = units == _left(conversion)
    # The last reversal takes what is left of one, so that rounding never leaves a crumb.
    rest = _ALL - conversion.fraction
    return AttributionReversed(
        order_id=order_id,
        fraction=rest if everything else fraction_of(units, amount.amount),
        amount=Money(amount=units, currency=amount.currency),
    )


def _left(conversion: Conversion) -> int:
    return conversion.amount.amount - conversion.reversed if conversion.amount else 0
