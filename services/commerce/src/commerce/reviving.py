"""How an order comes back whose hold had ended: within its buyer's limits, or not at all.

The limit is asked when the goods are held, so that money that is only set aside is let go, and
again when the order is to stand: only then does it count, and another may stand since.  Nor does
an order stand whose buyer asked to be forgotten: nobody knows any more where to send it.
"""

from dataclasses import replace
from datetime import datetime

from chassis.processes import Step, UseCase
from chassis.unit_of_work import UnitOfWork
from commerce import limits, order
from commerce import order_process_state as steps
from commerce.forgotten import still_there
from commerce.limits import ELSEWHERE
from commerce.order import ORDER
from commerce.order_process_state import State, begun


def revived(state: State) -> State:
    """Return the state of an order that tries once more, under new reservations."""
    attempt = state.attempt + 1
    return replace(
        state,
        phase="reserving",
        revivable=False,
        attempt=attempt,
        lines=steps.again(state.lines, begun(state).order_id, attempt),
        held=(),
        confirmed=(),
    )


def reserve(state: State, until: datetime) -> list[UseCase]:
    """Hold the goods once more, if the buyer may still have them."""
    return [_if_wanted(state, step) for step in steps.reserve(state, until)]


def confirm_order(state: State) -> UseCase:
    """Let the sale stand, if there is still a buyer who may have it."""
    return _if_wanted(state, steps.confirm_order(state))


def _if_wanted(state: State, step: Step) -> UseCase:
    order_id = begun(state).order_id

    def run(work: UnitOfWork) -> None:
        found = work.load(ORDER, order_id).state
        made = order.placed(found)
        if made.origin.mode not in ELSEWHERE:
            still_there(work, (made.person_id,))
            if found.status == "expired":  # until then it counts itself
                limits.still_within(work, made)
        work.execute(step.decider, step.entity_id, step.command)

    return UseCase(name=step.name, run=run)
