"""The use cases of a drop: set goods aside, keep it in line with orders and stock, end it."""

from typing import Literal
from uuid import UUID

from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import entrants
from commerce.drop import DROP
from commerce.drop_admission import terms_of
from commerce.drop_commands import CallNext, Close, Outcome, ReturnStock, Schedule, Settle
from commerce.drop_messages import DropRequest
from commerce.drop_place import not_a_drops, place_of
from commerce.drop_state import Drop
from commerce.fulfilment import FULFILMENT
from commerce.order import ORDER
from commerce.product import PRODUCT, ProductUnknown
from commerce.stock import STOCK, Adjust, Place

Reason = Literal["set_aside_for_drop", "back_from_drop"]
ATTEMPTS = (1, 2)  # a late payment lets an order try once more


class TooFewForDrop(Rejected):
    """Fewer can be sold there than the drop is to have."""

    code = "too_few_for_drop"


def order_of(entry_id: UUID) -> UUID:
    """Return the id of the only order that can be placed under an entry."""
    return derived_id(entry_id, "order")


def schedule(work: UnitOfWork, wanted: DropRequest) -> tuple[UUID, Executed[Drop]]:
    """Announce a drop; its goods leave their location for the drop's own in the same moment.

    Raises:
        ProductUnknown: it is not in the catalogue.
        TooFewForDrop: fewer can be sold there.
        UnusableTerms: it would close before it opens, or one person may have more than all.
        PlaceOfDrop: the goods are another drop's.
    """
    drop_id = derived_id(work.context.command_id, "drop")
    if work.load(PRODUCT, wanted.sku).state.title is None:
        raise ProductUnknown("List the product first.")
    not_a_drops(wanted.location)
    command = Schedule(
        drop_id=drop_id,
        sku=wanted.sku,
        location=wanted.location,
        place=place_of(drop_id),
        stock=wanted.stock,
        channel_exclusive=wanted.channel_exclusive,
        exclusive_until=wanted.exclusive_until,
        per_person=wanted.per_person,
        verified_only=wanted.verified_only,
        opens_at=wanted.opens_at,
        closes_at=wanted.closes_at,
        pay_within=wanted.pay_within_minutes * 60,
    )
    home = Place(sku=wanted.sku, location=wanted.location)
    if not work.already_done and work.load(STOCK, home).state.available < wanted.stock:
        raise TooFewForDrop(f"Receive more at {wanted.location}, or let the drop be smaller.")
    done = work.execute(DROP, drop_id, command)
    if done.events:
        own = Place(sku=wanted.sku, location=command.place)
        _move(work, wanted.stock, home, own, "set_aside_for_drop")
    return drop_id, done


def close(work: UnitOfWork, drop_id: UUID) -> None:
    """End a drop; what nobody has a right to goes back to where it came from."""
    work.execute(DROP, drop_id, Close())
    take_home(work, drop_id)


def settle(work: UnitOfWork, drop_id: UUID, entry_id: UUID) -> None:
    """Bring an entry into line with its order, and let whoever follows from it have their turn.

    It asks the streams how things are, so it does not matter which of several events it is
    told of first, or how often.
    """
    outcome, reason = _outcome(work, drop_id, entry_id)
    command = Settle(entry_id=entry_id, outcome=outcome, reason=reason, at=work.known_at)
    work.execute(DROP, drop_id, command)
    if work.load(DROP, drop_id).state.ended:
        take_home(work, drop_id)
    else:
        call_next(work, drop_id)


def call_next(work: UnitOfWork, drop_id: UUID) -> None:
    """Let as many of those in line buy as there are pieces for."""
    at = work.known_at
    while first := work.load(DROP, drop_id).state.first:
        standing = entrants.standing_of(work.db, work.tenant, first.person_id, at)
        if not work.execute(DROP, drop_id, CallNext(standing=standing, at=at)).events:
            return


def take_home(work: UnitOfWork, drop_id: UUID) -> None:
    """Give back what nobody has a right to any more, as far as it is there."""
    drop = work.load(DROP, drop_id).state
    terms = terms_of(drop)
    own = Place(sku=terms.sku, location=terms.place)
    qty = min(drop.free, work.load(STOCK, own).state.available)
    if qty > 0:
        work.execute(DROP, drop_id, ReturnStock(qty=qty))
        _move(work, qty, own, Place(sku=terms.sku, location=terms.location), "back_from_drop")


def send_home(work: UnitOfWork, drop_id: UUID, qty: int) -> None:
    """Move goods on that a buyer sent back: the drop sold them once."""
    terms = terms_of(work.load(DROP, drop_id).state)
    own = Place(sku=terms.sku, location=terms.place)
    there = min(qty, work.load(STOCK, own).state.available)
    if there > 0:
        _move(work, there, own, Place(sku=terms.sku, location=terms.location), "back_from_drop")


def _move(work: UnitOfWork, qty: int, source: Place, target: Place, reason: Reason) -> None:
    for place, by in ((source, -qty), (target, qty)):
        work.execute(STOCK, place, Adjust(place=place, qty=by, reason=reason))


def _outcome(work: UnitOfWork, drop_id: UUID, entry_id: UUID) -> tuple[Outcome, str]:
    order_id = order_of(entry_id)
    order = work.load(ORDER, order_id).state
    match order.status:
        case "none":
            return "none", ""
        case "confirmed" | "completed":
            return "stands", ""
        case _ if order.status == "placed" or _holds_goods(work, drop_id, order_id):
            return "open", ""
        case _ if work.load(FULFILMENT, order_id).state.shipped:
            return "stands", ""  # the goods are gone, whoever has them: there is nothing to grant
        case _:
            return "failed", order.reason or order.status


def _holds_goods(work: UnitOfWork, drop_id: UUID, order_id: UUID) -> bool:
    terms = terms_of(work.load(DROP, drop_id).state)
    held = work.load(STOCK, Place(sku=terms.sku, location=terms.place)).state.held
    return any(f"{order_id}.{attempt}.0" in held for attempt in ATTEMPTS)
