"""One schedule: which commands, which steps; run it, and say what it broke."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chassis.faults import set_hook
from chassis.testing.simulation.commands import Command
from chassis.testing.simulation.invariants import Findings, Invariant, check
from chassis.testing.simulation.rest import settle
from chassis.testing.simulation.steps import Step
from chassis.testing.simulation.world import Trouble, World

Next = Callable[[World], Step | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """What happens, in order; the commands that no step asks for are asked at the end.

    Args:
        commands: Names, of the workload's.
    """

    commands: tuple[str, ...]
    steps: tuple[Step, ...]

    def lines(self) -> list[str]:
        """Return it readably, one line a step."""
        return [f"{number:3}. {step}" for number, step in enumerate(self.steps, start=1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """What became of a schedule."""

    schedule: Schedule
    findings: Findings
    troubles: Sequence[Trouble]


def follow(steps: Sequence[Step]) -> Next:
    """Return the steps one after the other."""
    left = iter(steps)
    return lambda _: next(left, None)


def run(
    world: World,
    choose: Next,
    *,
    horizon: timedelta,
    invariants: Sequence[Invariant],
    undisturbed: Mapping[str, object] | None,
) -> Ran:
    """Let things happen to a world, bring it to rest, and look at what is left."""
    commands, steps = tuple(world.commands), list[Step]()
    set_hook(world.points)
    try:
        while not world.troubles and (step := choose(world)) is not None:
            steps.append(step)
            step.happen(world)
        world.heal()
        if not world.troubles:
            settle(world, horizon)
    finally:
        set_hook(None)
    findings = Findings(world, undisturbed)
    broken = [Trouble(promise=name, detail=detail) for name, detail in check(findings, invariants)]
    return Ran(
        schedule=Schedule(commands=commands, steps=tuple(steps)),
        findings=findings,
        troubles=[*world.troubles, *broken] if not world.troubles else world.troubles,
    )


def named(commands: Sequence[Command]) -> dict[str, Command]:
    """Return commands by name; raises ValueError when two have the same."""
    found = {command.name: command for command in commands}
    if len(found) != len(commands):
        raise ValueError("two commands have the same name")
    return found
