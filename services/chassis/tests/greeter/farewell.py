"""What the producer makes of its own greetings: a read model, a process with a timer, a call."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import assert_never

from sqlalchemy import Connection

from bus_service import Greeted, Parted, registry
from chassis import direct
from chassis.decider import Decider
from chassis.envelope import Envelope, Recorded
from chassis.processes import Process, Reaction, Refused, Step, Timer
from chassis.projections import Projection
from chassis.storage import Storage
from chassis.testing.contexts import NOW
from chassis.timers import TimerFired

_COUNT = """INSERT INTO counted (stream, times) VALUES (:stream, 1)
ON CONFLICT (stream) DO UPDATE SET times = counted.times + 1"""
counting = Projection("counting", tables=("counted",))


@counting.on(Greeted)
def count_greeting(event: Greeted, stored: Envelope, db: Connection) -> None:
    """One more: an event that is folded twice is seen."""
    del event
    direct.execute(db, _COUNT, {"stream": stored.stream})


@dataclass(frozen=True, kw_only=True, slots=True)
class Visiting:
    """What the process knows of one guest."""

    number: int = 0


def part(_: None, number: int) -> Sequence[Parted]:
    """Decide that a guest leaves."""
    return [Parted(number=number)]


PARTING = Decider(category="parting", initial=None, decide=part, evolve=lambda state, _: state)


def react(state: Visiting, trigger: Greeted | TimerFired | Refused) -> Reaction[Visiting]:
    """Let a guest leave when the time has come."""
    match trigger:
        case Greeted(number=number):
            timer = Timer(name="leave", due_at=NOW)
            return Reaction(state=replace(state, number=number), timers=[timer])
        case TimerFired():
            step = Step(name="part", decider=PARTING, entity_id=state.number, command=state.number)
            return Reaction(state=state, steps=[step], finished=True)
        case Refused():
            return Reaction(state=state, finished=True)
        case _:
            assert_never(trigger)


FAREWELL: Process[Visiting] = Process(
    name="farewell",
    initial=Visiting(),
    triggers=(Greeted,),
    key_of=lambda event: str(event.number),
    react=react,
)


def postcards(storage: Storage) -> Mapping[str, Callable[[Recorded], None]]:
    """Send a card to everybody who left: a line in the file that ``POSTCARDS`` names."""
    file = os.environ.get("POSTCARDS")

    def send(event: Recorded) -> None:
        parted = registry.decode(event, storage.keys)
        if file:
            with Path(file).open("a") as cards:
                cards.write(f"{event.stream} {parted.number}\n")

    return {"parted": send}
