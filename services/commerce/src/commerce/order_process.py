"""The way of an order through stock, payment and fulfilment, with every way back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chassis.processes import Process, Reaction, Refused, Step, Timer, UseCase
from chassis.timers import TimerFired
from commerce import order_process_state as steps
from commerce import reviving
from commerce.events import ReservationConfirmed, StockReserved
from commerce.order_events import (
    FulfilmentDelivered,
    FulfilmentFailed,
    FulfilmentShipped,
    FulfilmentWentOn,
    OrderCancelled,
    OrderConfirmed,
    OrderPlaced,
    OrderRepriced,
    ReturnReceived,
)
from commerce.order_process_state import State, begun
from commerce.payment import REFUND_TRIES, TIMED_OUT
from commerce.payment_events import (
    LatePaymentReceived,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentFailed,
    PaymentRefundDoubled,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentVoided,
)
from commerce.stock import ReservationLost
from commerce.trade_events import MarketplaceRefundMade

NO_HOLD = (Timer(name="reservation", due_at=None), Timer(name="payment", due_at=None))
NO_TIMERS = (*NO_HOLD, Timer(name="capture", due_at=None))
REFUND, REFUND_AFTER = "refund:", timedelta(days=1)


def react(state: State, trigger: Any) -> Reaction[State]:
    """Say what an order needs next."""
    return _REACTIONS[type(trigger)](state, trigger)


def _reaction(
    state: State, *done: Step | UseCase, timers: tuple[Timer, ...] = ()
) -> Reaction[State]:
    return Reaction(state=state, steps=done, timers=timers, finished=state.settled)


def _on_placed(state: State, placed: OrderPlaced) -> Reaction[State]:
    if state.phase != "new":
        return _reaction(state)
    new = steps.beginning(placed)
    if placed.origin.mode == "store":  # paid and taken home before we heard of it
        bought = replace(new, phase="completed", captured=True, authorized_at=placed.placed_at)
        return _reaction(bought)
    timers = (
        Timer(name="reservation", due_at=placed.reserved_until),
        Timer(name="payment", due_at=placed.payment_due_at),
    )
    return _reaction(new, *steps.reserve(new, placed.reserved_until), timers=timers)


def _on_repriced(state: State, repriced: OrderRepriced) -> Reaction[State]:
    return _reaction(steps.repriced(state, repriced))


def _on_reserved(state: State, reserved: StockReserved) -> Reaction[State]:
    wanted = [line.reservation for line in state.lines]
    if state.phase != "reserving" or reserved.reservation not in wanted:
        return _reaction(state)
    held = replace(state, held=tuple(sorted({*state.held, reserved.reservation})))
    if len(held.held) < len(wanted):
        return _reaction(held)
    if held.authorized_at is not None:
        return _confirming(held, held.authorized_at)
    paying = replace(held, phase="paying")
    return _reaction(paying, steps.initiate(paying, _known(state.payment_due_at)))


def _on_authorized(state: State, authorized: PaymentAuthorized) -> Reaction[State]:
    if state.phase != "paying":
        return _reaction(state)
    return _confirming(replace(state, authorized_at=authorized.at), authorized.at)


def _on_captured(state: State, captured: PaymentCaptured) -> Reaction[State]:
    known = replace(state, captured=True, voiding=False)
    match state.phase:
        case "paying":
            return _confirming(replace(known, authorized_at=captured.at), captured.at)
        case "capturing":
            return _settling(known)
        case "closed":
            return _give_back(known, "order_closed")
        case _:  # paid before its goods are held, as at a marketplace
            return _reaction(replace(known, authorized_at=state.authorized_at or captured.at))


def _on_confirmed(state: State, confirmed: ReservationConfirmed) -> Reaction[State]:
    if state.phase != "confirming" or confirmed.reservation not in state.held:
        return _reaction(state)
    known = replace(state, confirmed=tuple(sorted({*state.confirmed, confirmed.reservation})))
    if len(known.confirmed) < len(known.held):
        return _reaction(known)
    if known.captured:
        return _settling(known)
    due_at = _known(known.authorized_at) + timedelta(seconds=known.patience)
    capturing = replace(known, phase="capturing")
    timers = (Timer(name="capture", due_at=due_at),)
    return _reaction(capturing, steps.capture(capturing), timers=timers)


def _on_order_confirmed(state: State, _: OrderConfirmed) -> Reaction[State]:
    if state.phase != "settling":
        return _reaction(state)
    fulfilling = replace(state, phase="fulfilling")
    return _reaction(fulfilling, steps.request_fulfilment(fulfilling))


def _on_shipped(state: State, _: FulfilmentShipped) -> Reaction[State]:
    return _reaction(replace(state, phase="shipped") if state.phase == "fulfilling" else state)


def _on_delivered(state: State, _: FulfilmentDelivered) -> Reaction[State]:
    if state.phase != "shipped":
        return _reaction(state)
    completed = replace(state, phase="completed")
    return _reaction(completed, steps.complete_order(completed))


def _on_payment_failed(state: State, failed: PaymentFailed) -> Reaction[State]:
    if state.phase == "paying":
        expired = replace(state, phase="closed", revivable=True)
        done = (*steps.expire(expired), steps.expire_order(expired))
        return _reaction(expired, *done, timers=NO_TIMERS)
    if state.phase != "capturing":
        return _reaction(replace(state, voiding=False))
    reason = "payment_failed"
    closed = replace(state, phase="closed", voiding=failed.reason == TIMED_OUT)
    voids = (steps.void(closed),) if closed.voiding else ()
    done = (*steps.release(closed, reason), steps.call_off(closed, reason), *voids)
    return _reaction(closed, *done, timers=NO_TIMERS)


def _on_late_payment(state: State, late: LatePaymentReceived) -> Reaction[State]:
    known = replace(state, captured=late.captured, authorized_at=late.at, voiding=False)
    if not state.revivable:
        return _give_back(known, "order_closed")
    again = reviving.revived(known)
    return _reaction(again, *reviving.reserve(again, late.at + timedelta(seconds=state.patience)))


def _on_voided(state: State, _: PaymentVoided) -> Reaction[State]:
    return _reaction(replace(state, voiding=False))


def _on_refunded(state: State, _: PaymentRefunded) -> Reaction[State]:
    return _reaction(replace(state, refunds=state.refunds - 1))


def _on_refund_failed(state: State, failed: PaymentRefundFailed) -> Reaction[State]:
    if failed.attempt >= REFUND_TRIES:
        return _reaction(state)  # from now on an orphan, until a person has seen to it
    due_at = failed.at + REFUND_AFTER
    return _reaction(state, timers=(Timer(name=f"{REFUND}{failed.refund_id}", due_at=due_at),))


def _on_refund_doubled(state: State, _: PaymentRefundDoubled) -> Reaction[State]:
    return _reaction(replace(state, doubled=state.doubled + 1))


def _on_marketplace_refund(state: State, made: MarketplaceRefundMade) -> Reaction[State]:
    if made.wanted:
        return _reaction(state)
    back = state.refunded + made.amount.amount
    return _reaction(replace(state, refunds=state.refunds + 1, refunded=back))


def _on_cancelled(state: State, cancelled: OrderCancelled) -> Reaction[State]:
    if state.phase in {"closed", "fulfilling", "shipped", "completed"}:
        return _reaction(replace(state, revivable=False))
    return _give_up(state, cancelled.reason)


def _on_fulfilment_failed(state: State, failed: FulfilmentFailed) -> Reaction[State]:
    if state.phase == "closed":  # it went on, and then was lost
        return _reaction(replace(state, astray=0))
    closed = replace(state, phase="closed")
    kept = () if failed.shipped else steps.release(closed, "fulfilment_failed")
    refund = _refunding(closed, begun(closed).total.amount, "fulfilment_failed")
    done = (*kept, steps.call_off(closed, "fulfilment_failed"), *refund.steps)
    return _reaction(refund.state, *done)


def _on_went_on(state: State, gone: FulfilmentWentOn) -> Reaction[State]:
    """Stay an orphan until the goods come back: the buyer has them, and the money."""
    return _reaction(replace(state, astray=sum(line.qty for line in gone.lines)))


def _on_returned(state: State, returned: ReturnReceived) -> Reaction[State]:
    back = sum(line.qty for line in returned.lines)
    known = replace(state, astray=max(0, state.astray - back))
    refund = _refunding(known, returned.value.amount, "returned")
    return _reaction(refund.state, *steps.restock(returned), *refund.steps)


def _on_timer(state: State, fired: TimerFired) -> Reaction[State]:
    if fired.name.startswith(REFUND):
        return _reaction(state, steps.refund_again(state, UUID(fired.name.removeprefix(REFUND))))
    match fired.name, state.phase:
        case "reservation", "paying":
            return _reaction(state, *steps.expire(state))
        case ("payment", "paying") | ("capture", "capturing"):
            return _reaction(state, steps.give_up(state))
        case _:
            return _reaction(state)


def _on_refused(state: State, refused: Refused) -> Reaction[State]:
    verb = refused.step.partition(":")[0]
    if verb == "void":
        return _reaction(replace(state, voiding=False))
    if refused.code == ReservationLost.code:
        return _hold_again(state)
    undone = verb in {"reserve", "confirm", "confirm_order"} and state.phase != "closed"
    return _give_up(state, refused.code) if undone else _reaction(state)


def _hold_again(state: State) -> Reaction[State]:
    """Try once more where the money came and the hold had ended: the goods may still be there."""
    if state.phase != "confirming":  # of one product it was said already
        return _reaction(state)
    if state.attempt > 1:
        return _give_up(state, ReservationLost.code)
    again = reviving.revived(state)
    until = _known(state.authorized_at) + timedelta(seconds=state.patience)
    held = steps.release(state, ReservationLost.code)
    return _reaction(again, *held, *reviving.reserve(again, until))


def _confirming(state: State, at: datetime) -> Reaction[State]:
    confirming = replace(state, phase="confirming")
    return _reaction(confirming, *steps.confirm(confirming, at), timers=NO_HOLD)


def _settling(state: State) -> Reaction[State]:
    settling = replace(state, phase="settling")
    return _reaction(settling, reviving.confirm_order(settling), timers=NO_TIMERS)


def _give_up(state: State, reason: str) -> Reaction[State]:
    """Undo all that was done for the order: goods, money, the order itself."""
    closed = replace(state, phase="closed", revivable=False)
    back = _give_back(closed, reason)
    done = (*steps.release(closed, reason), steps.call_off(closed, reason), *back.steps)
    return _reaction(back.state, *done, timers=NO_TIMERS)


def _give_back(state: State, reason: str) -> Reaction[State]:
    if state.captured:
        return _refunding(state, begun(state).total.amount, reason)
    if state.phase == "closed" and not state.held and state.authorized_at is None:
        return _reaction(state)  # no payment was ever asked for
    voiding = replace(state, voiding=True)
    return _reaction(voiding, steps.void(voiding))


def _refunding(state: State, wanted: int, reason: str) -> Reaction[State]:
    amount = min(wanted, begun(state).total.amount - state.refunded)
    if amount <= 0:
        return _reaction(state)
    refunding = replace(state, refunds=state.refunds + 1, refunded=state.refunded + amount)
    return _reaction(refunding, steps.refund(state, amount, reason))


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise steps.NotBegun
    return moment


_REACTIONS: Mapping[type[Any], Callable[[State, Any], Reaction[State]]] = {
    OrderPlaced: _on_placed,
    OrderRepriced: _on_repriced,
    StockReserved: _on_reserved,
    PaymentAuthorized: _on_authorized,
    PaymentCaptured: _on_captured,
    ReservationConfirmed: _on_confirmed,
    OrderConfirmed: _on_order_confirmed,
    FulfilmentShipped: _on_shipped,
    FulfilmentDelivered: _on_delivered,
    PaymentFailed: _on_payment_failed,
    LatePaymentReceived: _on_late_payment,
    PaymentVoided: _on_voided,
    PaymentRefunded: _on_refunded,
    PaymentRefundFailed: _on_refund_failed,
    PaymentRefundDoubled: _on_refund_doubled,
    MarketplaceRefundMade: _on_marketplace_refund,
    OrderCancelled: _on_cancelled,
    FulfilmentFailed: _on_fulfilment_failed,
    FulfilmentWentOn: _on_went_on,
    ReturnReceived: _on_returned,
    TimerFired: _on_timer,
    Refused: _on_refused,
}

ORDER_PROCESS: Process[State] = Process(
    name="order_process",
    initial=State(),
    triggers=tuple(kind for kind in _REACTIONS if kind not in {TimerFired, Refused}),
    key_of=lambda trigger: str(trigger.order_id),
    react=react,
)
