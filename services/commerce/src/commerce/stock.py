"""Stock of one product at one location: never more promised than is there."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from immutables import Map

from chassis.decider import Decider
from chassis.errors import Rejected
from commerce.events import (
    ReservationConfirmed,
    ReservationExpired,
    ReservationReleased,
    StockAdjusted,
    StockEvent,
    StockReceived,
    StockReserved,
    StockShipped,
)

ONLINE = "main"
"""The location that online orders are sent from, unless they say another."""


class OutOfStock(Rejected):
    """There is less than all lines of the order together need."""

    code = "out_of_stock"


class ReservationLost(Rejected):
    """The goods are not held for this order any more."""

    code = "reservation_lost"


class MoreThanConfirmed(Rejected):
    """Only goods that were confirmed for the order can be shipped."""

    code = "more_than_confirmed"


class BelowPromised(Rejected):
    """So many are promised to orders that the count cannot be that low."""

    code = "below_promised"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Whose stock: of which product, where."""

    sku: str
    location: str

    def __str__(self) -> str:
        """Return the id of its stream."""
        return f"{self.sku}@{self.location}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """Goods that are set aside for one line of an order."""

    order_id: UUID
    qty: int
    expires_at: datetime
    confirmed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Stock:
    """What is there, and for whom it is set aside.

    Args:
        on_hand: How many are there.
        promised: How many of them are reserved or confirmed: the sum of what is held.
        held: For whom.  A hundred thousand of them must not be copied for each that is added.
    """

    on_hand: int = 0
    promised: int = 0
    held: Map[str, Held] = field(default_factory=Map)

    @property
    def available(self) -> int:
        """How many can still be sold."""
        return self.on_hand - self.promised


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """So many pieces under one reservation."""

    reservation: str
    qty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Receive:
    """Take a delivery in."""

    place: Place
    qty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserve:
    """Hold goods for all lines of an order that ask for this product."""

    place: Place
    order_id: UUID
    lines: tuple[Wanted, ...]
    expires_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirm:
    """Give held goods to their order, which was paid at a certain moment."""

    place: Place
    reservations: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """Let held or confirmed goods be sold again."""

    place: Place
    reservations: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Expire:
    """Let goods be sold again that nobody paid in time."""

    place: Place
    reservations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ship:
    """Hand confirmed goods over to a carrier."""

    place: Place
    lines: tuple[Wanted, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class CountOut:
    """Note that pieces left which nobody holds, be they promised to others meanwhile or not."""

    place: Place
    qty: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Adjust:
    """Correct the count, up or down."""

    place: Place
    qty: int
    reason: str


StockCommand = Receive | Reserve | Confirm | Release | Expire | Ship | CountOut | Adjust


def decide(stock: Stock, command: StockCommand) -> Sequence[StockEvent]:
    """Turn a command into facts, or refuse it."""
    events: Sequence[StockEvent]
    match command:
        case Receive(place=place):
            events = [StockReceived(sku=place.sku, location=place.location, qty=command.qty)]
        case Reserve():
            events = _reserve(stock, command)
        case Confirm():
            events = _confirm(stock, command)
        case Release():
            events = _release(stock, command)
        case Expire():
            events = _expire(stock, command)
        case Ship():
            events = _ship(stock, command)
        case CountOut():
            events = _count_out(stock, command)
        case Adjust():
            events = _adjust(stock, command)
        case _:
            assert_never(command)
    return events


def evolve(stock: Stock, event: StockEvent) -> Stock:
    """Apply one fact."""
    match event:
        case StockReceived() | StockAdjusted():
            return replace(stock, on_hand=stock.on_hand + event.qty)
        case StockReserved():
            held = Held(order_id=event.order_id, qty=event.qty, expires_at=event.expires_at)
            return _holding(stock, event.reservation, held)
        case ReservationConfirmed():
            kept = replace(stock.held[event.reservation], confirmed=True)
            return _holding(stock, event.reservation, kept)
        case ReservationReleased() | ReservationExpired():
            return _holding(stock, event.reservation, None)
        case StockShipped():
            left = replace(stock, on_hand=stock.on_hand - event.qty)
            return _holding(left, event.reservation, _rest(stock.held[event.reservation], event))
        case _:
            assert_never(event)


def _reserve(stock: Stock, command: Reserve) -> Sequence[StockEvent]:
    new = [line for line in command.lines if line.reservation not in stock.held]
    if sum(line.qty for line in new) > stock.available:
        raise OutOfStock(f"Only {stock.available} of {command.place.sku} are left.")
    return [
        StockReserved(
            reservation=line.reservation,
            order_id=command.order_id,
            sku=command.place.sku,
            location=command.place.location,
            qty=line.qty,
            expires_at=command.expires_at,
        )
        for line in new
    ]


def _confirm(stock: Stock, command: Confirm) -> Sequence[StockEvent]:
    for reservation in command.reservations:
        held = stock.held.get(reservation)
        if held is None or (not held.confirmed and command.at > held.expires_at):
            raise ReservationLost("The hold ended before the money came.")
    return [
        ReservationConfirmed(**_of(stock, command.place, reservation))
        for reservation in command.reservations
        if not stock.held[reservation].confirmed
    ]


def _release(stock: Stock, command: Release) -> Sequence[StockEvent]:
    return [
        ReservationReleased(
            **_of(stock, command.place, reservation),
            confirmed=stock.held[reservation].confirmed,
            reason=command.reason,
        )
        for reservation in command.reservations
        if reservation in stock.held
    ]


def _expire(stock: Stock, command: Expire) -> Sequence[StockEvent]:
    return [
        ReservationExpired(**_of(stock, command.place, reservation))
        for reservation in command.reservations
        if reservation in stock.held and not stock.held[reservation].confirmed
    ]


def _ship(stock: Stock, command: Ship) -> Sequence[StockEvent]:
    for line in command.lines:
        held = stock.held.get(line.reservation)
        if held is None or not held.confirmed or line.qty > held.qty:
            raise MoreThanConfirmed(f"{line.qty} of {command.place.sku} are not confirmed.")
    shipped = [
        StockShipped(**{**_of(stock, command.place, line.reservation), "qty": line.qty})
        for line in command.lines
    ]
    return [*_uncounted(stock, command.place, sum(line.qty for line in command.lines)), *shipped]


def _count_out(stock: Stock, command: CountOut) -> Sequence[StockEvent]:
    gone = _adjusted(command.place, -command.qty, command.reason)
    return [*_uncounted(stock, command.place, command.qty), *gone]


def _uncounted(stock: Stock, place: Place, leaving: int) -> Sequence[StockEvent]:
    """Where more left than was counted, the count was wrong."""
    return _adjusted(place, max(0, leaving - stock.on_hand), "uncounted")


def _adjust(stock: Stock, command: Adjust) -> Sequence[StockEvent]:
    if command.qty < 0 and stock.available + command.qty < 0:
        raise BelowPromised(f"{stock.promised} are promised; call orders off first.")
    return _adjusted(command.place, command.qty, command.reason)


def _adjusted(place: Place, qty: int, reason: str) -> Sequence[StockAdjusted]:
    adjusted = StockAdjusted(sku=place.sku, location=place.location, qty=qty, reason=reason)
    return [adjusted] if qty else []


def _of(stock: Stock, place: Place, reservation: str) -> dict[str, Any]:
    held = stock.held[reservation]
    return {
        "reservation": reservation,
        "order_id": held.order_id,
        "sku": place.sku,
        "location": place.location,
        "qty": held.qty,
    }


def _rest(held: Held, shipped: StockShipped) -> Held | None:
    return replace(held, qty=held.qty - shipped.qty) if held.qty > shipped.qty else None


def _holding(stock: Stock, reservation: str, held: Held | None) -> Stock:
    before = stock.held.get(reservation)
    promised = stock.promised + (held.qty if held else 0) - (before.qty if before else 0)
    if held is not None:
        return replace(stock, promised=promised, held=stock.held.set(reservation, held))
    kept = stock.held.delete(reservation) if before else stock.held
    return replace(stock, promised=promised, held=kept)


STOCK: Decider[Stock, StockCommand, StockEvent] = Decider(
    category="stock", initial=Stock(), decide=decide, evolve=evolve, hot=True
)
