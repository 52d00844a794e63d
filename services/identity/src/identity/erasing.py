"""The process that has a person forgotten everywhere (S7), and calls for help when it is late."""

from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never
from uuid import UUID

from chassis.erasure import ErasureConfirmed
from chassis.processes import Process, Reaction, Refused, Step, Timer, UseCase
from chassis.timers import TimerFired
from identity import forgetting
from identity.erasure_request import DEADLINE, ERASURE, SERVICES, Acknowledge, Escalate
from identity.events import ErasureAcknowledged, ErasureRequested
from identity.person import PERSON
from identity.person_commands import CompleteErasure

OVERDUE = "overdue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasing:
    """Who is being forgotten, and by whom already."""

    person_id: UUID | None = None
    confirmed: tuple[str, ...] = ()


Trigger = ErasureRequested | ErasureConfirmed | ErasureAcknowledged | TimerFired | Refused


def request_of(trigger: Trigger) -> str | None:
    """Return which request an event belongs to."""
    match trigger:
        case TimerFired() | Refused():
            return None
        case _:
            return str(trigger.request_id)


def react(state: Erasing, trigger: Trigger) -> Reaction[Erasing]:
    """Forget, collect the confirmations, and say when everyone has forgotten."""
    match trigger:
        case ErasureRequested():
            return _begin(state, trigger)
        case ErasureConfirmed():
            return Reaction(state=state, steps=[_acknowledge(trigger.request_id)])
        case ErasureAcknowledged():
            return _count(state, trigger)
        case TimerFired():
            return _remind(state, trigger)
        case Refused():
            return Reaction(state=state)
        case _:
            assert_never(trigger)


def _begin(state: Erasing, requested: ErasureRequested) -> Reaction[Erasing]:
    erase = UseCase(
        name="erase_here",
        run=partial(
            forgetting.erase_here,
            request_id=requested.request_id,
            person_id=requested.person_id,
            subjects=tuple(requested.subjects),
        ),
    )
    return Reaction(
        state=replace(state, person_id=requested.person_id),
        steps=[erase],
        timers=[Timer(name=OVERDUE, due_at=requested.requested_at + DEADLINE)],
    )


def _acknowledge(request_id: UUID) -> Step:
    command = Acknowledge(request_id=request_id, service="identity")
    return Step(name="acknowledge", decider=ERASURE, entity_id=request_id, command=command)


def _count(state: Erasing, acknowledged: ErasureAcknowledged) -> Reaction[Erasing]:
    counted = replace(state, confirmed=(*state.confirmed, acknowledged.service))
    if state.person_id is None or not set(SERVICES) <= set(counted.confirmed):
        return Reaction(state=counted)
    complete = Step(
        name="complete",
        decider=PERSON,
        entity_id=state.person_id,
        command=CompleteErasure(request_id=acknowledged.request_id),
    )
    timers = [Timer(name=OVERDUE, due_at=None)]
    return Reaction(state=counted, steps=[complete], timers=timers, finished=True)


def _remind(state: Erasing, fired: TimerFired) -> Reaction[Erasing]:
    request_id = UUID(fired.key)
    escalate = Step(
        name="escalate",
        decider=ERASURE,
        entity_id=request_id,
        command=Escalate(request_id=request_id, due_at=fired.due_at),
    )
    again = Timer(name=OVERDUE, due_at=fired.due_at + DEADLINE)
    return Reaction(state=state, steps=[escalate], timers=[again])


ERASING = Process(
    name="erasing",
    initial=Erasing(),
    triggers=(ErasureRequested, ErasureConfirmed, ErasureAcknowledged),
    key_of=request_of,
    react=react,
)
