"""What can happen in a schedule, step by step; each step reads as one line."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from chassis.errors import Conflict, Unavailable
from chassis.testing.simulation.bus import SimulatedQueue, tampered
from chassis.testing.simulation.points import (
    Interruption,
    anywhere,
    at_calls,
    crash,
    lose_the_answer,
)
from chassis.testing.simulation.services import Poisoned, Sickness
from chassis.testing.simulation.world import World

FaultKind = Literal["crash", "no answer", "meanwhile"]
BusFault = Literal["double", "delay", "reorder", "lose", "tamper"]
Part = Literal["broker", "feed", "database"]
ERRORS: dict[str, type[Exception]] = {
    "Poisoned": Poisoned,
    "Conflict": Conflict,
    "Unavailable": Unavailable,
}


class Step(Protocol):
    """Something that happens."""

    def happen(self, world: World) -> None:
        """Let it happen; what it needs may not be there any more, then nothing does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What interrupts a step, at the n-th point that it passes.

    Args:
        meanwhile: Who (replica and role, ``ask ...`` for a command) does steps of their own,
            where no transaction is open.
    """

    kind: FaultKind
    at: int
    meanwhile: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return the rest of a step's line."""
        others = ", ".join(" ".join(other) for other in self.meanwhile)
        return f"at point {self.at} {f'meanwhile {others}' if others else self.kind}"

    def arm(self, world: World) -> Interruption:
        """Get ready for the step."""
        interruption = self._interruption(world)
        world.points.arm(interruption)
        return interruption

    def _interruption(self, world: World) -> Interruption:
        if self.kind == "crash":
            return Interruption(at=self.at, concerns=anywhere, act=crash)
        if self.kind == "no answer":
            return Interruption(at=self.at, concerns=at_calls, act=lose_the_answer)
        return Interruption(
            at=self.at, concerns=lambda _: not world.in_transaction, act=lambda: self._others(world)
        )

    def _others(self, world: World) -> None:
        for replica, role in self.meanwhile:
            _also(world, replica, role)


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One role of one process does its next step."""

    replica: str
    role: str
    fault: Fault | None = None

    def __str__(self) -> str:
        """Return one line."""
        return _line(f"{self.replica} {self.role}", self.fault)

    def happen(self, world: World) -> None:
        """Let it."""
        _interrupted(world, self.fault, lambda: _also(world, self.replica, self.role))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A user asks for something, or asks again."""

    replica: str
    command: str
    fault: Fault | None = None

    def __str__(self) -> str:
        """Return one line."""
        return _line(f"{self.replica} is asked: {self.command}", self.fault)

    def happen(self, world: World) -> None:
        """Let the user."""
        if self.command in world.commands:
            _interrupted(world, self.fault, lambda: world.ask(self.replica, self.command))


@dataclass(frozen=True, kw_only=True, slots=True)
class Meddle:
    """The broker does to a queue what brokers do."""

    queue: int
    fault: BusFault

    def __str__(self) -> str:
        """Return one line."""
        return f"the broker: {self.fault} in queue {self.queue}"

    def happen(self, world: World) -> None:
        """Meddle, if anything waits in the queue."""
        queue = world.bus.queues()[self.queue]
        if queue.ready:
            if self.fault == "tamper":
                world.tampered.add(queue.name.rpartition(".")[0])
            _MEDDLING[self.fault](queue)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Something cannot be reached, or can again."""

    part: Part
    service: str
    away: bool

    def __str__(self) -> str:
        """Return one line."""
        whose = "" if self.part == "broker" else f" of {self.service}"
        return f"the {self.part}{whose} {'goes away' if self.away else 'is back'}"

    def happen(self, world: World) -> None:
        """Cut or mend."""
        service = world.services[self.service]
        match self.part:
            case "broker":
                world.bus.away = self.away
            case "feed":
                service.feed_away = self.away
            case "database":
                service.database.away = self.away


@dataclass(frozen=True, kw_only=True, slots=True)
class Jump:
    """Time passes, or one service's clock goes wrong."""

    seconds: float
    service: str | None = None

    def __str__(self) -> str:
        """Return one line."""
        if self.service is None:
            return f"{self.seconds:g} s pass"
        return f"the clock of {self.service} moves by {self.seconds:g} s"

    def happen(self, world: World) -> None:
        """Move a clock."""
        by = timedelta(seconds=self.seconds)
        if self.service is None:
            world.clock.advance(by)
        else:
            world.services[self.service].clock.ahead += by


@dataclass(frozen=True, kw_only=True, slots=True)
class Sicken:
    """A handler fails for a while."""

    service: str
    reader: str
    times: int
    error: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.reader} of {self.service} fails {self.times} times: {self.error}"

    def happen(self, world: World) -> None:
        """Let it fail from now on."""
        sick = world.services[self.service].sick
        sick[self.reader] = Sickness(times=self.times, error=ERRORS[self.error])


@dataclass(frozen=True, kw_only=True, slots=True)
class BackUp:
    """Somebody copies a service's database."""

    service: str

    def __str__(self) -> str:
        """Return one line."""
        return f"a copy of {self.service}'s database is kept"

    def happen(self, world: World) -> None:
        """Keep a copy."""
        service = world.services[self.service]
        service.backup = service.database.copy()


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """Somebody puts an older copy in the place of a service's database: the log is forked."""

    service: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.service}'s database is restored from the copy"

    def happen(self, world: World) -> None:
        """Restore, if there is a copy."""
        service = world.services[self.service]
        if service.backup is None:
            return
        service.forked = True
        service.database.restore(service.backup)
        world.restart(service)
        world.done -= {name for name, command in world.commands.items()
                       if command.service == self.service}  # fmt: skip


def _line(what: str, fault: Fault | None) -> str:
    return f"{what}, {fault}" if fault else what


def _also(world: World, replica: str, role: str) -> None:
    asked, _, command = role.partition("ask ")
    if not asked and command in world.commands:
        world.ask(replica, command)
    elif role in world.replicas[replica].roles:
        world.turn(replica, role)


def _interrupted(world: World, fault: Fault | None, act: Callable[[], None]) -> None:
    if fault is not None:
        fault.arm(world)
    act()
    world.points.arm(None)


def _double(queue: SimulatedQueue) -> None:
    queue.ready.append(queue.ready[0])


def _delay(queue: SimulatedQueue) -> None:
    queue.late.append(queue.ready.pop(0))


def _tamper(queue: SimulatedQueue) -> None:
    queue.ready[0] = tampered(queue.ready[0])


_MEDDLING: dict[BusFault, Callable[[SimulatedQueue], None]] = {
    "double": _double,
    "delay": _delay,
    "reorder": lambda queue: queue.ready.reverse(),
    "lose": lambda queue: queue.ready.clear(),
    "tamper": _tamper,
}
