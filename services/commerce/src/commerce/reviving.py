"""How an order comes back that had expired: within its buyer's limits, or not at all.

The limit is asked when the goods are held, so that money that is only set aside is let go, and
again when the order is to stand: only then does it count, and another may stand since.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from chassis.processes import Step, UseCase
from chassis.unit_of_work import UnitOfWork
from commerce import limits
from commerce import order_process_state as steps
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
    return [_within_limits(begun(state).order_id, step) for step in steps.reserve(state, until)]


def confirm_order(state: State) -> Step | UseCase:
    """Let the sale stand; of an order that came back, if the buyer may still have it."""
    step = steps.confirm_order(state)
    return step if state.attempt == 1 else _within_limits(begun(state).order_id, step)


def _within_limits(order_id: UUID, step: Step) -> UseCase:
    def run(work: UnitOfWork) -> None:
        limits.still_within(work, order_id)
        work.execute(step.decider, step.entity_id, step.command)

    return UseCase(name=step.name, run=run)
