"""Choose what happens next, from a seed and from what is there to happen."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import get_args

from chassis.testing.simulation.steps import (
    ERRORS,
    Ask,
    BackUp,
    BusFault,
    Cut,
    Fault,
    Jump,
    Meddle,
    Part,
    Restore,
    Sicken,
    Step,
    Turn,
)
from chassis.testing.simulation.world import World

SHORTEST, LONGEST = 10, 32
DARK = 0.15  # of the schedules have a tampered message or a restored database
FAULTY = 0.3  # of the steps are interrupted
DEEPEST = 8  # point of a step at which it is interrupted
GENTLE: tuple[BusFault, ...] = ("double", "delay", "reorder", "lose")
SECONDS = (0.5, 5.0, 60.0, 900.0)
Who = tuple[str, str]
SKEWS = (-3600.0, -2.0, 2.0, 3600.0)


class Chooser:
    """One schedule's choices."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._dark = random.random() < DARK
        self.length = random.randint(SHORTEST, LONGEST)

    def next(self, world: World) -> Step:
        """Choose a step."""
        luck = self._random.random()
        if luck < 0.2 and world.commands:
            return self._ask(world)
        if luck < 0.8:
            return self._turn(world)
        return self._fault(world)

    def _ask(self, world: World) -> Step:
        replica, role = self._someone_asking(world)
        command = role.removeprefix("ask ")
        other = partial(self._someone_asking, world)
        return Ask(replica=replica, command=command, fault=self._interruption(world, other))

    def _turn(self, world: World) -> Step:
        name, role = self._someone(world)
        service, _, number = name.partition("/")
        twin = f"{service}/{1 - int(number)}", role
        fault = self._interruption(world, lambda: twin, me=(name, role))
        return Turn(replica=name, role=role, fault=fault)

    def _someone_asking(self, world: World) -> Who:
        open_ones = [name for name in world.commands if name not in world.done]
        # Now and then somebody asks again who did not hear the answer.
        again = not open_ones or self._random.random() < 0.1
        name = self._random.choice(list(world.commands) if again else open_ones)
        return f"{world.commands[name].service}/{self._random.randrange(2)}", f"ask {name}"

    def _someone(self, world: World) -> Who:
        everybody = world.everybody
        tries = (self._random.choice(everybody) for _ in everybody)
        # Each busy one is as likely as the other, and few have to be asked.
        return next((who for who in tries if world.busy(*who)), self._random.choice(everybody))

    def _interruption(
        self, world: World, twin: Callable[[], Who], me: Who | None = None
    ) -> Fault | None:
        """Choose how a step of ``me`` is interrupted; ``twin`` does the same as the step."""
        if self._random.random() >= FAULTY:
            return None
        luck = self._random.random()
        if luck < 0.4:
            return Fault(kind="crash", at=self._random.randint(1, DEEPEST))
        if luck < 0.6:
            return Fault(kind="no answer", at=self._random.randint(1, DEEPEST))
        at = self._random.randint(1, 4)
        return Fault(kind="meanwhile", at=at, meanwhile=self._others(world, twin, me))

    def _others(self, world: World, twin: Callable[[], Who], me: Who | None) -> tuple[Who, ...]:
        if self._random.random() < 0.6:
            return (twin(),)
        asking = (self._someone_asking(world),) if world.commands else ()
        some = (*asking, self._someone(world))[: self._random.randint(1, 2)]
        # A role is one thread of its process: it never begins a step in the middle of its own.
        return tuple(who for who in some if who != me) or (twin(),)

    def _fault(self, world: World) -> Step:
        service = self._random.choice(list(world.services))
        luck = self._random.random()
        if luck < 0.4 and world.bus.queues():
            return self._meddle(world)
        if luck < 0.6:
            part = self._random.choice(get_args(Part))
            return Cut(part=part, service=service, away=self._random.random() < 0.4)
        if luck < 0.8:
            return self._jump(world, service)
        if self._dark and luck < 0.95:
            return self._restore(world, service)
        return self._sicken(world, service)

    def _meddle(self, world: World) -> Step:
        queues = world.bus.queues()
        full = [number for number, queue in enumerate(queues) if queue.ready]
        queue = self._random.choice(full or range(len(queues)))
        kinds: Sequence[BusFault] = (*GENTLE, "tamper") if self._dark else GENTLE
        return Meddle(queue=queue, fault=self._random.choice(kinds))

    def _jump(self, world: World, service: str) -> Step:
        if self._random.random() < 0.3:
            return Jump(seconds=self._random.choice(SKEWS), service=service)
        due = world.due()
        if due is not None and self._random.random() < 0.7:
            return Jump(seconds=max((due - world.clock.now()).total_seconds(), 0.0))
        return Jump(seconds=self._random.choice(SECONDS))

    def _restore(self, world: World, service: str) -> Step:
        kept = world.services[service].backup is not None
        return Restore(service=service) if kept else BackUp(service=service)

    def _sicken(self, world: World, service: str) -> Step:
        there = world.services[service]
        reader = self._random.choice([*there.readers, *there.blueprint.gateways])
        error = self._random.choice(list(ERRORS))
        return Sicken(service=service, reader=reader, times=self._random.randint(1, 5), error=error)
