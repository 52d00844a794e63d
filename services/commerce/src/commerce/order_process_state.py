"""What the order process knows of one order, and the commands that it can give."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal
from uuid import UUID

from chassis.ids import derived_id
from chassis.money import Money
from chassis.processes import Step
from commerce import order, payment_commands, stock
from commerce.fulfilment import FULFILMENT, RequestFulfilment
from commerce.order import ORDER
from commerce.order_events import (
    FulfilmentLine,
    OrderLine,
    OrderPlaced,
    OrderRepriced,
    ReturnReceived,
)
from commerce.payment import PAYMENT
from commerce.stock import STOCK, Place, Wanted

Phase = Literal[
    "new",
    "reserving",
    "paying",
    "confirming",
    "capturing",
    "settling",
    "fulfilling",
    "shipped",
    "completed",
    "closed",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Where one order stands.

    Args:
        lines: By what the goods are reserved; their prices hold while there are no ``prices``.
        prices: What the goods cost since the seller changed it.
        held: Reservations of this attempt that stand; ``confirmed`` those that are confirmed.
        attempt: 1, and 2 when a late payment brings an expired order back.
        patience: For how many seconds the provider may leave a request unanswered.
        captured: Whether the money is ours.
        authorized_at: When the money was set aside.
        voiding: Whether the provider still has to let money go.
        refunds: Refunds that the provider has not made yet, at whichever try.
        doubled: Refunds that it says it made twice.
        refunded: What the buyer was promised back so far, in minor units.
        astray: Pieces that the buyer got, or will, although the money is given back.
        revivable: Closed for want of money only: a late payment may bring it back.
    """

    phase: Phase = "new"
    order_id: UUID | None = None
    person_id: str = ""
    lines: tuple[FulfilmentLine, ...] = ()
    prices: tuple[OrderLine, ...] = ()
    location: str = ""
    total: Money | None = None
    reserved_until: datetime | None = None
    payment_due_at: datetime | None = None
    patience: int = 0
    attempt: int = 1
    held: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()
    captured: bool = False
    authorized_at: datetime | None = None
    voiding: bool = False
    refunds: int = 0
    doubled: int = 0
    refunded: int = 0
    astray: int = 0
    revivable: bool = False

    @property
    def settled(self) -> bool:
        """Say whether nothing is left to be done or to be waited for."""
        open_with_provider = self.voiding or self.refunds != 0 or self.doubled != 0
        return self.phase in {"closed", "completed"} and not open_with_provider and not self.astray


class NotBegun(Exception):
    """The process was asked to act on an order that it has not seen being placed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """The parts of the state that every step needs, known to be there."""

    state: State
    order_id: UUID
    total: Money

    @property
    def payment_id(self) -> UUID:
        """The one payment of the order."""
        return payment_of(self.order_id)


def payment_of(order_id: UUID) -> UUID:
    """Return the id of an order's payment."""
    return derived_id(order_id, "payment")


def begun(state: State) -> Begun:
    """Return a state with its order; raises NotBegun."""
    if state.order_id is None or state.total is None:
        raise NotBegun
    return Begun(state=state, order_id=state.order_id, total=state.total)


def beginning(placed: OrderPlaced) -> State:
    """Return the state of an order that was just placed."""
    return State(
        phase="reserving",
        order_id=placed.order_id,
        person_id=placed.person_id,
        lines=lines_of(placed, attempt=1),
        location=placed.location,
        total=placed.total,
        reserved_until=placed.reserved_until,
        payment_due_at=placed.payment_due_at,
        patience=_patience(placed),
    )


def _patience(placed: OrderPlaced) -> int:
    if placed.answer_within is not None:
        return placed.answer_within
    return (placed.payment_due_at - placed.placed_at) // timedelta(seconds=1)


def lines_of(placed: OrderPlaced, *, attempt: int) -> tuple[FulfilmentLine, ...]:
    """Return an order's lines by sku, each with the name of its reservation."""
    numbered = sorted(enumerate(placed.lines), key=lambda entry: (entry[1].sku, entry[0]))
    return tuple(
        FulfilmentLine(
            reservation=f"{placed.order_id}.{attempt}.{number}",
            sku=line.sku,
            qty=line.qty,
            price=line.price,
        )
        for number, line in numbered
    )


def repriced(state: State, event: OrderRepriced) -> State:
    """Return the state of an order that costs something else now; its reservations stay."""
    return replace(state, total=event.total, prices=event.lines)


def priced(state: State) -> tuple[FulfilmentLine, ...]:
    """Return the lines at the prices that hold; a reservation is split where two prices meet."""
    if not state.prices:
        return state.lines
    left: dict[str, list[tuple[int, Money]]] = {
        sku: [] for sku in {line.sku for line in state.lines}
    }
    for line in state.prices:
        left[line.sku].append((line.qty, line.price))
    return tuple(part for line in state.lines for part in _parts(line, left[line.sku]))


def _parts(line: FulfilmentLine, left: list[tuple[int, Money]]) -> Iterator[FulfilmentLine]:
    """Take the pieces of a line off what is left of its product's, cheapest or not, in order."""
    wanted = line.qty
    while wanted:
        qty, price = left.pop(0)
        taken = min(wanted, qty)
        if taken < qty:
            left.insert(0, (qty - taken, price))
        wanted -= taken
        yield replace(line, qty=taken, price=price)


def again(
    lines: Sequence[FulfilmentLine], order_id: UUID, attempt: int
) -> tuple[FulfilmentLine, ...]:
    """Return lines under new reservations: the old ones are spent."""
    return tuple(
        replace(line, reservation=f"{order_id}.{attempt}.{line.reservation.rpartition('.')[2]}")
        for line in lines
    )


def reserve(state: State, until: datetime) -> list[Step]:
    """Hold the goods: one decision for each product, in the order of their numbers."""
    order_id = begun(state).order_id
    return [
        _stock(
            "reserve",
            place,
            stock.Reserve(
                place=place,
                order_id=order_id,
                lines=tuple(Wanted(reservation=line.reservation, qty=line.qty) for line in lines),
                expires_at=until,
            ),
        )
        for place, lines in _by_place(state)
    ]


def confirm(state: State, at: datetime) -> list[Step]:
    """Give the held goods to the order."""
    return [
        _stock("confirm", place, stock.Confirm(place=place, reservations=_names(lines), at=at))
        for place, lines in _by_place(state)
    ]


def release(state: State, reason: str) -> list[Step]:
    """Let the goods be sold again."""
    return [
        _stock(
            "release", place, stock.Release(place=place, reservations=_names(lines), reason=reason)
        )
        for place, lines in _by_place(state)
    ]


def expire(state: State) -> list[Step]:
    """Let goods be sold again that nobody paid in time."""
    return [
        _stock("expire", place, stock.Expire(place=place, reservations=_names(lines)))
        for place, lines in _by_place(state)
    ]


def restock(returned: ReturnReceived) -> list[Step]:
    """Put goods that came back unharmed on sale again."""
    places = [
        (Place(sku=line.sku, location=returned.location), line.qty) for line in returned.lines
    ]
    return [
        _stock("restock", place, stock.Adjust(place=place, qty=qty, reason="returned"))
        for place, qty in places
        if returned.condition == "good"
    ]


def initiate(state: State, due_at: datetime) -> Step:
    """Ask for the money."""
    known = begun(state)
    command = payment_commands.Initiate(
        payment_id=known.payment_id, order_id=known.order_id, amount=known.total, due_at=due_at
    )
    return _payment("initiate", known, command)


def give_up(state: State) -> Step:
    """Stop waiting for the provider."""
    return _payment("give_up", begun(state), payment_commands.GiveUp())


def capture(state: State) -> Step:
    """Take the money."""
    return _payment("capture", begun(state), payment_commands.Capture())


def void(state: State) -> Step:
    """Let go of money that is only set aside."""
    return _payment("void", begun(state), payment_commands.Void())


def refund(state: State, amount: int, reason: str) -> Step:
    """Give money back."""
    known = begun(state)
    refund_id = derived_id(known.payment_id, "refund", state.refunded)
    command = payment_commands.Refund(refund_id=refund_id, amount=amount, reason=reason)
    return _payment("refund", known, command)


def refund_again(state: State, refund_id: UUID) -> Step:
    """Try once more to give money back."""
    command = payment_commands.RefundAgain(refund_id=refund_id)
    return _payment("refund_again", begun(state), command)


def confirm_order(state: State) -> Step:
    """Let the sale stand."""
    order_id = begun(state).order_id
    return _order("confirm_order", order_id, order.ConfirmOrder(order_id=order_id))


def call_off(state: State, reason: str) -> Step:
    """Give the order up."""
    order_id = begun(state).order_id
    return _order("call_off", order_id, order.CallOff(order_id=order_id, reason=reason))


def expire_order(state: State) -> Step:
    """Close an order that nobody paid."""
    order_id = begun(state).order_id
    return _order("expire_order", order_id, order.ExpireOrder(order_id=order_id))


def complete_order(state: State) -> Step:
    """Close an order whose goods arrived."""
    order_id = begun(state).order_id
    return _order("complete_order", order_id, order.CompleteOrder(order_id=order_id))


def request_fulfilment(state: State) -> Step:
    """Ask for the goods to be sent."""
    order_id = begun(state).order_id
    command = RequestFulfilment(
        order_id=order_id, person_id=state.person_id, location=state.location, lines=priced(state)
    )
    return Step(name="request_fulfilment", decider=FULFILMENT, entity_id=order_id, command=command)


def _by_place(state: State) -> list[tuple[Place, list[FulfilmentLine]]]:
    return [
        (Place(sku=sku, location=state.location), list(lines))
        for sku, lines in groupby(state.lines, key=lambda line: line.sku)
    ]


def _names(lines: Sequence[FulfilmentLine]) -> tuple[str, ...]:
    return tuple(line.reservation for line in lines)


def _stock(verb: str, place: Place, command: stock.StockCommand) -> Step:
    return Step(name=f"{verb}:{place.sku}", decider=STOCK, entity_id=place, command=command)


def _payment(name: str, known: Begun, command: payment_commands.PaymentCommand) -> Step:
    return Step(name=name, decider=PAYMENT, entity_id=known.payment_id, command=command)


def _order(name: str, order_id: UUID, command: order.OrderCommand) -> Step:
    return Step(name=name, decider=ORDER, entity_id=order_id, command=command)
