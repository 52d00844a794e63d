"""A cart that nobody touches counts as abandoned after a while."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import assert_never
from uuid import UUID

from chassis.processes import Process, Reaction, Refused, Timer, UseCase
from chassis.timers import TimerFired
from chassis.unit_of_work import UnitOfWork
from commerce import enquiries
from commerce.cart import CART, Abandon, opened
from commerce.cart_events import CartCheckedOut, LineAdded, LineChanged, LineRemoved

Trigger = LineAdded | LineChanged | LineRemoved | CartCheckedOut | TimerFired | Refused


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Until when one cart is waited for."""

    until: datetime | None = None


def react(waiting: Waiting, trigger: Trigger) -> Reaction[Waiting]:
    """Say what follows from a trigger."""
    match trigger:
        case LineAdded() | LineChanged() | LineRemoved():
            return _waiting(trigger.until)
        case CartCheckedOut():
            return _waiting(None)
        case TimerFired():
            run = partial(abandon, cart_id=UUID(trigger.key))
            return Reaction(state=waiting, steps=[UseCase(name="abandon", run=run)], finished=True)
        case Refused():
            return Reaction(state=waiting, finished=True)
        case _:
            assert_never(trigger)


def abandon(work: UnitOfWork, *, cart_id: UUID) -> None:
    """Take note that a cart was left, and of what its buyer was not answered."""
    buyer = opened(work.load(CART, cart_id).state).buyer
    asked = enquiries.unanswered(work.db, work.tenant, buyer, work.now)
    command = Abandon(cart_id=cart_id, last_enquiry=asked, at=work.now)
    work.execute(CART, cart_id, command)


def _waiting(until: datetime | None) -> Reaction[Waiting]:
    # A cart may wait for its buyer as long as it likes: called unfinished, it would be listed
    # among the orders that stand still.
    timer = Timer(name="idle", due_at=until)
    return Reaction(state=Waiting(until=until), timers=[timer], finished=True)


def _cart_of(trigger: LineAdded | LineChanged | LineRemoved | CartCheckedOut) -> str:
    return str(trigger.cart_id)


CART_PROCESS: Process[Waiting] = Process(
    name="cart_process",
    initial=Waiting(),
    triggers=(LineAdded, LineChanged, LineRemoved, CartCheckedOut),
    key_of=_cart_of,
    react=react,
)
