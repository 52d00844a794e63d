"""The way of a drop through its opening and its end, and of each grant to an order or back."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from chassis.processes import Process, Reaction, Refused, Step, Timer, UseCase
from chassis.timers import TimerFired
from commerce import dropping
from commerce.drop import DROP
from commerce.drop_commands import Open
from commerce.drop_events import (
    DropClosed,
    DropEntryBought,
    DropEntryGivenBack,
    DropEntryRevived,
    DropEntryUsed,
    DropGranted,
    DropGrantExpired,
    DropScheduled,
)
from commerce.drop_place import drop_at
from commerce.events import (
    ReservationExpired,
    ReservationReleased,
    StockAdjusted,
    StockReserved,
)
from commerce.order_events import (
    FulfilmentWentOn,
    OrderCancelled,
    OrderConfirmed,
    OrderExpired,
)

NO_PAY_TIMER = (Timer(name="pay", due_at=None),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sale:
    """Where one drop stands."""

    drop_id: UUID | None = None
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """Where one grant stands."""

    phase: Literal["new", "granted", "ordered", "over"] = "new"
    drop_id: UUID | None = None
    entry_id: UUID | None = None
    pay_until: datetime | None = None


def lead_sale(sale: Sale, trigger: Any) -> Reaction[Sale]:
    """Say what a drop needs next."""
    match trigger:
        case DropScheduled():
            return _scheduled(trigger)
        case DropClosed():
            return _sale(replace(sale, closed=True))
        case StockAdjusted() if sale.drop_id is not None:
            return _sale(sale, _send_home(sale.drop_id, trigger.qty))
        case TimerFired(name="opens") if sale.drop_id is not None:
            step = Step(name="open", decider=DROP, entity_id=sale.drop_id, command=Open())
            return _sale(sale, step)
        case TimerFired(name="closes") if sale.drop_id is not None:
            return _sale(sale, _close(sale.drop_id))
        case _:
            return _sale(sale)


def lead_grant(grant: Grant, trigger: Any) -> Reaction[Grant]:
    """Say what a grant needs next: whatever happened, look how its order and its goods are."""
    match trigger:
        case DropGranted():
            known = Grant(
                phase="granted",
                drop_id=trigger.drop_id,
                entry_id=trigger.entry_id,
                pay_until=trigger.pay_until,
            )
            # Nothing is to be settled yet, so those who enter need not wait for this.
            timers = (Timer(name="pay", due_at=trigger.pay_until),)
            return Reaction(state=known, timers=timers)
        case DropEntryUsed() | DropEntryRevived():
            return _settling(replace(grant, phase="ordered"), timers=NO_PAY_TIMER)
        case DropEntryBought() | DropEntryGivenBack() | DropGrantExpired():
            over = replace(grant, phase="over")
            return Reaction(state=over, timers=NO_PAY_TIMER, finished=True)
        case Refused():
            return Reaction(state=grant, finished=grant.phase == "over")
        case _:
            return _settling(grant)


def _scheduled(scheduled: DropScheduled) -> Reaction[Sale]:
    timers = (
        Timer(name="opens", due_at=scheduled.opens_at),
        Timer(name="closes", due_at=scheduled.closes_at),
    )
    return Reaction(state=Sale(drop_id=scheduled.drop_id), timers=timers)


def _sale(sale: Sale, *done: Step | UseCase) -> Reaction[Sale]:
    return Reaction(state=sale, steps=done, finished=sale.closed)


def _close(drop_id: UUID) -> UseCase:
    return UseCase(name="close", run=lambda work: dropping.close(work, drop_id))


def _send_home(drop_id: UUID, qty: int) -> UseCase:
    return UseCase(name="send_home", run=lambda work: dropping.send_home(work, drop_id, qty))


def _settling(grant: Grant, *, timers: tuple[Timer, ...] = ()) -> Reaction[Grant]:
    drop_id, entry_id = grant.drop_id, grant.entry_id
    if drop_id is None or entry_id is None:
        return Reaction(state=grant, timers=timers)
    settle = UseCase(name="settle", run=lambda work: dropping.settle(work, drop_id, entry_id))
    return Reaction(state=grant, steps=(settle,), timers=timers, finished=grant.phase == "over")


def _sale_of(trigger: Any) -> str | None:
    """Return the drop that an event is about; of goods only those at a drop's own place."""
    if isinstance(trigger, StockAdjusted):
        drop_id = drop_at(trigger.location) if trigger.reason == "returned" else None
        return None if drop_id is None else str(drop_id)
    return str(trigger.drop_id)


def _grant_of(trigger: Any) -> str | None:
    """Return the order that a grant leads to, by which orders and goods can find it."""
    match trigger:
        case StockReserved() | ReservationReleased() | ReservationExpired():
            return None if drop_at(trigger.location) is None else str(trigger.order_id)
        case OrderConfirmed() | OrderCancelled() | OrderExpired() | FulfilmentWentOn():
            return str(trigger.order_id)
        case _:
            return str(dropping.order_of(trigger.entry_id))


DROP_PROCESS: Process[Sale] = Process(
    name="drop_process",
    initial=Sale(),
    triggers=(DropScheduled, DropClosed, StockAdjusted),
    key_of=_sale_of,
    react=lead_sale,
)

GRANT_PROCESS: Process[Grant] = Process(
    name="drop_grant_process",
    initial=Grant(),
    triggers=(
        DropGranted,
        DropEntryUsed,
        DropEntryRevived,
        DropEntryBought,
        DropEntryGivenBack,
        DropGrantExpired,
        OrderConfirmed,
        OrderCancelled,
        OrderExpired,
        FulfilmentWentOn,
        StockReserved,
        ReservationReleased,
        ReservationExpired,
    ),
    key_of=_grant_of,
    react=lead_grant,
    # Most orders have nothing to do with a drop. Whoever is told late looks how things are.
    begun_by=(DropGranted,),
)
