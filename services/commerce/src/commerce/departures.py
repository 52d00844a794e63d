"""Goods that leave: their parcel is noted and they are out of stock in one moment."""

from collections import Counter
from collections.abc import Iterator, Sequence
from uuid import UUID

from chassis.privacy import is_erased
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import fulfilment
from commerce.drop import DROP
from commerce.drop_admission import terms_of
from commerce.drop_place import drop_at
from commerce.fulfilment import FULFILMENT, Fulfilment, NoteSent, RequestFulfilment, ShipParcel
from commerce.order_events import FulfilmentLine, OrderPlaced
from commerce.order_process_state import lines_of
from commerce.stock import STOCK, CountOut, Place, Ship, Stock, Wanted

AFTER_ALL = "left_after_all"


def ship(work: UnitOfWork, order_id: UUID, *, carrier: str, no: str | None) -> Executed[Fulfilment]:
    """Hand an order's parcel to a carrier, or note that it left although it was called off.

    Raises:
        NothingToFulfil: nothing of it is to be sent.
        NotAwaitingShipment: it left before.
    """
    asked = fulfilment.requested(work.load(FULFILMENT, order_id).state)
    parcel = ShipParcel(carrier=carrier, no=_kept(work, asked.person_id, no))
    done = work.execute(FULFILMENT, order_id, parcel)
    _leave(work, asked.location, asked.lines)
    return done


def note_sent(work: UnitOfWork, placed: OrderPlaced, *, carrier: str, no: str | None) -> None:
    """Note that the goods of an order left that never were to be sent.

    Raises:
        NotAwaitingShipment: they were to be sent, or this is known.
    """
    unasked = RequestFulfilment(
        order_id=placed.order_id,
        person_id=placed.person_id,
        location=placed.location,
        lines=lines_of(placed, attempt=1),
    )
    sent = NoteSent(unasked=unasked, carrier=carrier, no=_kept(work, placed.person_id, no))
    work.execute(FULFILMENT, placed.order_id, sent)
    _leave(work, unasked.location, unasked.lines)


def _kept(work: UnitOfWork, person_id: str, no: str | None) -> str | None:
    return None if is_erased(work.keys, work.tenant, person_id) else no


def _leave(work: UnitOfWork, location: str, lines: Sequence[FulfilmentLine]) -> None:
    for sku in sorted({line.sku for line in lines}):
        place = Place(sku=sku, location=location)
        _leave_place(work, place, _reserved(lines, sku))


def _leave_place(work: UnitOfWork, place: Place, lines: Sequence[Wanted]) -> None:
    """Take goods out of stock, those that were released meanwhile too: they are gone all the same.

    Who was promised a released piece cannot be sent it; until more is received nothing is sold.
    """
    there = work.load(STOCK, place).state
    held = tuple(line for line in lines if _is_held(there, line))
    work.execute(STOCK, place, Ship(place=place, lines=held))
    loose = sum(line.qty for line in lines if line not in held)
    for where, qty in _whence(work, place, loose):
        work.execute(STOCK, where, CountOut(place=where, qty=qty, reason=AFTER_ALL))


def _is_held(there: Stock, line: Wanted) -> bool:
    held = there.held.get(line.reservation)
    return held is not None and held.confirmed


def _whence(work: UnitOfWork, place: Place, qty: int) -> Iterator[tuple[Place, int]]:
    """Say where released pieces were counted: a drop that has ended sent its own home."""
    drop_id = drop_at(place.location)
    if drop_id is None:
        yield place, qty
        return
    here = min(qty, work.load(STOCK, place).state.on_hand)
    yield place, here
    home = terms_of(work.load(DROP, drop_id).state).location
    yield Place(sku=place.sku, location=home), qty - here


def _reserved(lines: Sequence[FulfilmentLine], sku: str) -> tuple[Wanted, ...]:
    """Return how much leaves of each reservation; pieces of one may have different prices."""
    pieces: Counter[str] = Counter()
    for line in lines:
        if line.sku == sku:
            pieces[line.reservation] += line.qty
    return tuple(Wanted(reservation=name, qty=qty) for name, qty in pieces.items())
