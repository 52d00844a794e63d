"""Fulfilment: the way of the goods to the buyer, and back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, assert_never
from uuid import UUID

from chassis.decider import Decider
from chassis.errors import NotFound, Rejected
from chassis.money import Money
from commerce.order_events import (
    Condition,
    FulfilmentAccepted,
    FulfilmentDelivered,
    FulfilmentEvent,
    FulfilmentFailed,
    FulfilmentLine,
    FulfilmentRequested,
    FulfilmentShipped,
    FulfilmentWentOn,
    ReturnedLine,
    ReturnReceived,
)

Status = Literal["none", "requested", "accepted", "shipped", "delivered", "failed"]
_STATUS: Mapping[type[Any], Status] = {
    FulfilmentAccepted: "accepted",
    FulfilmentDelivered: "delivered",
    FulfilmentFailed: "failed",
}


class NothingToFulfil(NotFound):
    """The order is not paid, so nothing is to be sent."""

    code = "nothing_to_fulfil"


class NotAwaitingShipment(Rejected):
    """The parcel left already, or never will."""

    code = "not_awaiting_shipment"


class NotUnderWay(Rejected):
    """Only a parcel that is on its way can arrive."""

    code = "not_under_way"


class AlreadyDelivered(Rejected):
    """The buyer has the goods; delivery cannot fail any more."""

    code = "already_delivered"


class MoreThanShipped(Rejected):
    """More would come back than was sent."""

    code = "more_than_shipped"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Fulfilment:
    """How far the goods are.

    Args:
        requested: What was asked to be sent, or left without having been asked for.
        shipped: Whether it ever left, whatever became of it.
    """

    status: Status = "none"
    requested: FulfilmentRequested | None = None
    shipped: bool = False
    returned: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestFulfilment:
    """Ask for a paid order to be packed."""

    order_id: UUID
    person_id: str
    location: str
    lines: tuple[FulfilmentLine, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accept:
    """Take an order on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShipParcel:
    """Hand the parcel over."""

    carrier: str
    no: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteSent:
    """Note that goods left which nobody was asked to send: of an order that was called off."""

    unasked: RequestFulfilment
    carrier: str
    no: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Deliver:
    """Note that the parcel arrived."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fail:
    """Give the delivery up."""

    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """Take goods back.

    Args:
        owed: Whether we owe what was paid for them; a marketplace decides that by itself.
    """

    lines: tuple[ReturnedLine, ...]
    condition: Condition
    owed: bool = True


FulfilmentCommand = RequestFulfilment | Accept | ShipParcel | NoteSent | Deliver | Fail | Return


def decide(fulfilment: Fulfilment, command: FulfilmentCommand) -> Sequence[FulfilmentEvent]:
    """Turn a command into facts, or refuse it."""
    events: Sequence[FulfilmentEvent]
    match command:
        case RequestFulfilment():
            events = _request(fulfilment, command)
        case Accept():
            events = _accept(fulfilment)
        case ShipParcel():
            events = _ship(fulfilment, command)
        case NoteSent():
            events = _sent(fulfilment, command)
        case Deliver():
            events = _deliver(fulfilment)
        case Fail():
            events = _fail(fulfilment, command)
        case Return():
            events = _return(fulfilment, command)
        case _:
            assert_never(command)
    return events


def evolve(fulfilment: Fulfilment, event: FulfilmentEvent) -> Fulfilment:
    """Apply one fact."""
    match event:
        case FulfilmentRequested():
            return replace(fulfilment, status="requested", requested=event)
        case FulfilmentAccepted() | FulfilmentDelivered() | FulfilmentFailed():
            return replace(fulfilment, status=_STATUS[type(event)])
        case FulfilmentShipped():
            return replace(fulfilment, status="shipped", shipped=True)
        case FulfilmentWentOn():
            return replace(fulfilment, requested=fulfilment.requested or _request_of(event))
        case ReturnReceived():
            back = Counter({line.sku: line.qty for line in event.lines})
            return replace(fulfilment, returned=Counter(fulfilment.returned) + back)
        case _:
            assert_never(event)


def requested(fulfilment: Fulfilment) -> FulfilmentRequested:
    """Return what is to be sent.

    Raises:
        NothingToFulfil: nothing is.
    """
    if fulfilment.requested is None:
        raise NothingToFulfil("Nothing of this order is to be sent.")
    return fulfilment.requested


def _request(fulfilment: Fulfilment, command: RequestFulfilment) -> Sequence[FulfilmentEvent]:
    if fulfilment.requested is not None:
        return []
    return [_request_of(command)]


def _request_of(wanted: RequestFulfilment | FulfilmentWentOn) -> FulfilmentRequested:
    return FulfilmentRequested(
        order_id=wanted.order_id,
        person_id=wanted.person_id,
        location=wanted.location,
        lines=wanted.lines,
    )


def _accept(fulfilment: Fulfilment) -> Sequence[FulfilmentEvent]:
    order_id = requested(fulfilment).order_id
    return [FulfilmentAccepted(order_id=order_id)] if fulfilment.status == "requested" else []


def _ship(fulfilment: Fulfilment, command: ShipParcel) -> Sequence[FulfilmentEvent]:
    asked = requested(fulfilment)
    if fulfilment.status == "failed" and not fulfilment.shipped:
        return [_shipped(asked, command), _went_on(asked)]
    if fulfilment.status not in {"requested", "accepted"}:
        raise NotAwaitingShipment(f"It is {fulfilment.status}.")
    return [_shipped(asked, command)]


def _sent(fulfilment: Fulfilment, command: NoteSent) -> Sequence[FulfilmentEvent]:
    if fulfilment.requested is not None:
        raise NotAwaitingShipment(f"It is {fulfilment.status}.")
    unasked = _request_of(command.unasked)
    return [_shipped(unasked, command), _went_on(unasked)]


def _shipped(asked: FulfilmentRequested, command: ShipParcel | NoteSent) -> FulfilmentShipped:
    return FulfilmentShipped(
        order_id=asked.order_id,
        person_id=asked.person_id,
        carrier=command.carrier,
        no=command.no,
    )


def _went_on(asked: FulfilmentRequested) -> FulfilmentWentOn:
    return FulfilmentWentOn(
        order_id=asked.order_id,
        person_id=asked.person_id,
        location=asked.location,
        lines=asked.lines,
    )


def _deliver(fulfilment: Fulfilment) -> Sequence[FulfilmentEvent]:
    asked = requested(fulfilment)
    arrived = FulfilmentDelivered(order_id=asked.order_id)
    if fulfilment.status == "delivered":
        return []
    if fulfilment.status == "failed" and fulfilment.shipped:
        return [arrived, _went_on(asked)]  # it was lost, and found
    if fulfilment.status != "shipped":
        raise NotUnderWay(f"It is {fulfilment.status}.")
    return [arrived]


def _fail(fulfilment: Fulfilment, command: Fail) -> Sequence[FulfilmentEvent]:
    order_id = requested(fulfilment).order_id
    if fulfilment.status == "failed":
        return []
    if fulfilment.status == "delivered":
        raise AlreadyDelivered("It was delivered.")
    return [FulfilmentFailed(order_id=order_id, reason=command.reason, shipped=fulfilment.shipped)]


def _return(fulfilment: Fulfilment, command: Return) -> Sequence[FulfilmentEvent]:
    asked = requested(fulfilment)
    back: Counter[str] = Counter()
    for line in command.lines:
        back[line.sku] += line.qty
    left = _returnable(fulfilment)
    if not back or any(qty > left[sku] for sku, qty in back.items()):
        raise MoreThanShipped("So many were not sent, or came back already.")
    return [
        ReturnReceived(
            order_id=asked.order_id,
            location=asked.location,
            lines=tuple(ReturnedLine(sku=sku, qty=qty) for sku, qty in sorted(back.items())),
            condition=command.condition,
            value=_value(fulfilment, back) * int(command.owed),
        )
    ]


def _returnable(fulfilment: Fulfilment) -> Counter[str]:
    left: Counter[str] = Counter()
    for line in requested(fulfilment).lines if fulfilment.shipped else ():
        left[line.sku] += line.qty
    left.subtract(Counter(fulfilment.returned))
    return left


def _value(fulfilment: Fulfilment, back: Mapping[str, int]) -> Money:
    """Return what was paid for returned pieces; those that were listed first come back first."""
    lines, gone = requested(fulfilment).lines, fulfilment.returned
    worth = sum(
        _worth(lines, sku, gone.get(sku, 0) + qty) - _worth(lines, sku, gone.get(sku, 0))
        for sku, qty in back.items()
    )
    return replace(lines[0].price, amount=worth)


def _worth(lines: Sequence[FulfilmentLine], sku: str, pieces: int) -> int:
    """Return what the first pieces of a product cost; its lines may have several prices."""
    worth, left = 0, pieces
    for line in lines:
        taken = min(left, line.qty) if line.sku == sku else 0
        worth, left = worth + taken * line.price.amount, left - taken
    return worth


FULFILMENT: Decider[Fulfilment, FulfilmentCommand, FulfilmentEvent] = Decider(
    category="fulfilment", initial=Fulfilment(), decide=decide, evolve=evolve
)
