"""When a week's numbers are recorded: once when it closes, again only when they changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from chassis.decider import Decider
from loop.events import CycleEvent, LoopCycleClosed, LoopCycleRestated


@dataclass(frozen=True, kw_only=True, slots=True)
class StateCycle:
    """Record what a week's numbers are."""

    cycle: str
    hash: str
    stages: Mapping[str, Any]
    positions: Mapping[str, int]


def decide(hash_so_far: str | None, command: StateCycle) -> Sequence[CycleEvent]:
    """Close the week, restate it openly, or leave what is right already."""
    if command.hash == hash_so_far:
        return []
    stages, positions = dict(command.stages), dict(command.positions)
    if hash_so_far is None:
        return [
            LoopCycleClosed(
                cycle=command.cycle, hash=command.hash, stages=stages, positions=positions
            )
        ]
    return [
        LoopCycleRestated(
            cycle=command.cycle,
            hash=command.hash,
            replaces=hash_so_far,
            stages=stages,
            positions=positions,
        )
    ]


def evolve(_hash_so_far: str | None, event: CycleEvent) -> str | None:
    """Remember the hash that was recorded last."""
    match event:
        case LoopCycleClosed() | LoopCycleRestated():
            return event.hash
        case _:
            assert_never(event)


CYCLE: Decider[str | None, StateCycle, CycleEvent] = Decider(
    category="cycle", initial=None, decide=decide, evolve=evolve
)
