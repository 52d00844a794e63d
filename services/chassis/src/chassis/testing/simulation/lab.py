"""Put services under the seed: ordinary blueprints, a workload, what must hold, and a verdict."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from chassis.blueprint import Blueprint
from chassis.envelope import Recorded
from chassis.testing.simulation.choices import Chooser
from chassis.testing.simulation.commands import Command
from chassis.testing.simulation.invariants import STANDARD, Invariant, outcome
from chassis.testing.simulation.points import Points
from chassis.testing.simulation.schedule import Next, Ran, Schedule, follow, named, run
from chassis.testing.simulation.services import installed
from chassis.testing.simulation.shrinking import shrink
from chassis.testing.simulation.steps import Step
from chassis.testing.simulation.templates import Schema, empty_database
from chassis.testing.simulation.world import Answers, Trouble, World

VARIANTS = 64
HORIZON = timedelta(days=30)
Workload = Callable[[Random], Sequence[Command]]


class Violated(AssertionError):
    """A promise was broken; the message shows how, as short as it can be shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A broken promise and the shortest schedule found that breaks it."""

    seed: int
    trouble: Trouble
    schedule: Schedule

    def __str__(self) -> str:
        """Return it as it is printed: the same for the same seed, to the byte."""
        return "\n".join(
            [
                f"seed {self.seed}: {self.trouble.promise}",
                f"     {self.trouble.detail}",
                f"     commands: {', '.join(self.schedule.commands) or 'none'}",
                *self.schedule.lines(),
                "     then everything is repaired, and runs until nothing is left to do",
            ]
        )


class Lab:
    """Runs services under schedules of faults that a seed chooses.

    Args:
        services: Blueprints as their ``bootstrap`` makes them.  No gateway really calls out.
        workload: Returns the commands of one schedule; it may use chance, and nothing else.
        invariants: What must hold once everything is repaired and has come to rest.
        answers: What the outside asks because a gateway called it, by gateway and event.
        schemas: Create the tables of services without migrations, by service.
        variants: How many different workloads there are; the undisturbed outcome of each is
            found out once.
        horizon: How long, after the last step, time goes on for timers.
    """

    def __init__(
        self,
        services: Sequence[Blueprint],
        workload: Workload,
        *,
        invariants: Sequence[Invariant] = STANDARD,
        answers: Answers | None = None,
        schemas: Mapping[str, Schema] | None = None,
        variants: int = VARIANTS,
        horizon: timedelta = HORIZON,
    ) -> None:
        self._workload = workload
        self._invariants = invariants
        self._answers = answers or _silence
        self._variants = variants
        self._horizon = horizon
        self._points = Points()
        producers = {blueprint.name for blueprint in services}
        self._made = [
            installed(
                blueprint,
                empty_database(blueprint, (schemas or {}).get(blueprint.name)),
                self._points,
                producers=producers,
            )
            for blueprint in services
        ]
        self._undisturbed: dict[tuple[int, tuple[str, ...]], Mapping[str, object]] = {}

    def check(self, seed: int) -> Ran:
        """Run one schedule."""
        random = Random(seed)  # noqa: S311  # to repeat, not to hide
        variant = random.randrange(self._variants)
        return self._run(variant, self._commands(variant), _chosen(Chooser(random)))

    def replay(self, seed: int, schedule: Schedule) -> Ran:
        """Run a schedule that was written down, with the workload of its seed."""
        variant = Random(seed).randrange(self._variants)  # noqa: S311  # as above
        commands = self._commands(variant)
        kept = {name: commands[name] for name in schedule.commands}
        return self._run(variant, kept, follow(schedule.steps))

    def violations(self, seeds: Sequence[int]) -> Iterator[Violation]:
        """Run one schedule for each seed, and yield what was broken, shrunk."""
        for seed in seeds:
            ran = self.check(seed)
            if ran.troubles:
                yield self.explain(seed, ran)

    def explain(self, seed: int, ran: Ran) -> Violation:
        """Shrink a schedule that broke something."""
        promise = ran.troubles[0].promise

        def fails(schedule: Schedule) -> bool:
            found = self.replay(seed, schedule).troubles
            return any(trouble.promise == promise for trouble in found)

        schedule = shrink(ran.schedule, fails)
        troubles = [t for t in self.replay(seed, schedule).troubles if t.promise == promise]
        return Violation(seed=seed, trouble=(troubles or ran.troubles)[0], schedule=schedule)

    def prove(self, schedules: int, *, first: int = 0) -> None:
        """Run schedules; for tests.

        Raises:
            Violated: a promise was broken.
        """
        for violation in self.violations(range(first, first + schedules)):
            raise Violated(f"\n{violation}")

    def _run(self, variant: int, commands: dict[str, Command], choose: Next) -> Ran:
        undisturbed = self._outcome(variant, commands)
        return run(
            self._world(commands),
            choose,
            horizon=self._horizon,
            invariants=self._invariants,
            undisturbed=undisturbed,
        )

    def _outcome(self, variant: int, commands: dict[str, Command]) -> Mapping[str, object]:
        key = (variant, tuple(commands))
        if key not in self._undisturbed:
            ran = run(
                self._world(commands),
                follow(()),
                horizon=self._horizon,
                invariants=(),
                undisturbed=None,
            )
            self._undisturbed[key] = outcome(ran.findings)
        return self._undisturbed[key]

    def _world(self, commands: dict[str, Command]) -> World:
        return World(
            made=self._made, points=self._points, commands=dict(commands), answers=self._answers
        )

    def _commands(self, variant: int) -> dict[str, Command]:
        return named(self._workload(Random(variant)))  # noqa: S311  # as above


def _chosen(chooser: Chooser) -> Next:
    left = iter(range(chooser.length))

    def choose(world: World) -> Step | None:
        return None if next(left, None) is None else chooser.next(world)

    return choose


def _silence(_gateway: str, _event: Recorded) -> Sequence[Command]:
    return ()
