"""Services, bus, clock and users of one schedule, and what may happen to them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime

from chassis import parked_audit
from chassis.clock import FixedClock, moment
from chassis.envelope import Recorded
from chassis.errors import Alarm, Conflict, Rejected, Unavailable
from chassis.storage import log_on
from chassis.testing.contexts import NOW
from chassis.testing.simulation.bus import Bus
from chassis.testing.simulation.commands import Command
from chassis.testing.simulation.points import Broken, Crashed, Points
from chassis.testing.simulation.processes import Relay, SimulatedFeed, Worker
from chassis.testing.simulation.services import Installed, SimulatedService, opened
from chassis.topology import subscription_name

REPLICAS = 2
NEXT_DUE = """SELECT min(due) FROM (SELECT min(due_at) AS due FROM timers
UNION ALL SELECT min(due_at) FROM parked)"""
Answers = Callable[[str, Recorded], Sequence[Command]]


@dataclass(slots=True)
class Replica:
    """One pair of a service's processes; each is made anew after it crashed."""

    service: SimulatedService
    number: int
    relay: Relay
    worker: Worker
    sources: Mapping[str, SimulatedService]
    roles: tuple[str, ...] = field(init=False)
    name: str = field(init=False)
    consumes: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Name it as a schedule calls it, ``ping/0``, and list what it does again and again."""
        self.name = f"{self.service.name}/{self.number}"
        self.roles = (*self.relay.roles, *self.worker.roles)
        self.consumes = {
            role: subscription_name(self.service.name, source.name)
            for role, source in self.sources.items()
            if role.startswith("consume ")
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Something that must not happen, with the name of the promise that it breaks."""

    promise: str
    detail: str

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.promise}: {self.detail}"


@dataclass(kw_only=True, slots=True)
class World:
    """All of it, at one moment.

    Args:
        made: The services' installations; their databases are emptied.
        answers: What the outside asks, because a gateway called it.

    ``everybody`` is each replica's name with each of its roles.
    """

    made: Sequence[Installed]
    points: Points
    commands: dict[str, Command]
    answers: Answers
    clock: FixedClock = field(default_factory=lambda: FixedClock(NOW))
    services: dict[str, SimulatedService] = field(default_factory=dict)
    bus: Bus = field(init=False)
    replicas: dict[str, Replica] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    alarms: dict[tuple[str, str], str] = field(default_factory=dict)
    tampered: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    everybody: Sequence[tuple[str, str]] = field(init=False)
    _idle: dict[tuple[str, str], tuple[object, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Empty every database and start every process."""
        self.points.arm(None)
        self.bus = Bus(self.points)
        for one in self.made:
            service = opened(one, self.clock, self.called)
            self.services[service.name] = service
            for source in service.methods:
                self.bus.bind(service.name, source)
        for service in self.services.values():
            for number in range(REPLICAS):
                self._start(service, number)
        self.everybody = [
            (name, role) for name, replica in self.replicas.items() for role in replica.roles
        ]

    def replica(self, name: str) -> Replica:
        """Return a pair of processes by its name."""
        return self.replicas[name]

    def turn(self, name: str, role: str) -> int:
        """Let one role of one process do what is next; return how much that was."""
        replica = self.replicas[name]
        process = replica.relay if role in replica.relay.roles else replica.worker
        if (name, role.partition(" ")[2]) in self.alarms:
            return 0
        before = self._seen(replica, role)
        done = self._survive(replica, process, role, process.roles[role])
        if not done:
            self._idle[name, role] = before
        return done

    def ask(self, name: str, command: str) -> None:
        """Let a user ask; what raises Conflict or Unavailable is asked again later."""
        wanted, replica = self.commands[command], self.replicas[name]

        def run() -> int:
            storage = replica.worker.storage
            with suppress(Rejected):  # which is an answer
                wanted.run(storage, wanted.context(storage))
            self.done.add(command)
            return 1

        self._survive(replica, replica.worker, f"ask {command}", run)

    def called(self, service: SimulatedService, gateway: str, event: Recorded) -> None:
        """Take a gateway's call, and answer it some time."""
        service.fail_if_sick(gateway)
        service.called.setdefault(gateway, []).append((event.position, event.data))
        for command in self.answers(gateway, event):
            self.commands.setdefault(command.name, command)

    def busy(self, name: str, role: str) -> bool:
        """Say whether a role may have something to do; not if it had not and nothing changed."""
        replica = self.replicas[name]
        if role in replica.consumes:
            return self.bus.waits(replica.consumes[role])
        idle = self._idle.get((name, role))
        return idle is None or idle != self._seen(replica, role)

    @property
    def in_transaction(self) -> bool:
        """Whether any database has a transaction open."""
        return any(service.database.busy for service in self.services.values())

    def due(self) -> datetime | None:
        """Return the world's time at which the next timer or parked event is due."""
        found = [
            moment(due) - service.clock.ahead
            for service in self.services.values()
            if (due := service.database.run(NEXT_DUE)[0][0]) is not None
        ]
        return min(found, default=None)

    def restart(self, service: SimulatedService) -> None:
        """Replace every process of a service."""
        self._idle.clear()
        for number in range(REPLICAS):
            self._start(service, number)

    def log(self, service: SimulatedService) -> Sequence[Recorded]:
        """Return a service's whole log."""
        with self.calmly(), service.database.read() as db:
            return log_on(db).after(0, limit=1_000_000)

    @contextmanager
    def calmly(self) -> Iterator[None]:
        """Look at things without interrupting anything."""
        self.points.arm(None)
        yield

    def heal(self) -> None:
        """End every fault; what already happened stays."""
        self.bus.away = False
        for queue in self.bus.queues():
            queue.arrive()
        for service in self.services.values():
            service.database.away = service.feed_away = False
            service.sick.clear()
        self._idle.clear()

    def operate(self) -> int:
        """Retry, as an operator would after a repair, what waits for a person; return how much."""
        return sum(self._operate(service) for service in self.services.values())

    def _operate(self, service: SimulatedService) -> int:
        waiting = service.database.run(
            "SELECT subscription, position FROM parked WHERE due_at IS NULL AND error IS NOT NULL"
        )
        for subscription, position in waiting:
            with service.database.begin() as db:
                now = service.clock.now()
                parked_audit.retry(db, subscription, position, now=now)
        if waiting:
            self._idle.clear()
        return len(waiting)

    def _start(self, service: SimulatedService, number: int) -> None:
        worker = self._worker(service)
        replica = Replica(
            service=service,
            number=number,
            relay=self._relay(service),
            worker=worker,
            sources={role: self.services[role.partition(" ")[2]] for role in worker.roles},
        )
        self.replicas[replica.name] = replica

    def _relay(self, service: SimulatedService) -> Relay:
        return Relay(service, self.bus, self.points)

    def _worker(self, service: SimulatedService) -> Worker:
        feeds = {
            source: SimulatedFeed(self.services[source], self.points) for source in service.methods
        }
        return Worker(service, self.bus, feeds, self.points)

    def _survive(
        self, replica: Replica, process: Relay | Worker, role: str, run: Callable[[], int]
    ) -> int:
        """Run a step as the loops of a process do, and let a crash end the process only."""
        try:
            return run()
        except Crashed:
            self._replace(replica, process)
        except Alarm as alarm:
            self.alarms[replica.name, role.partition(" ")[2]] = f"{type(alarm).__name__}: {alarm}"
        except (Conflict, Unavailable):
            process.pause()
        except Broken as broken:
            self.troubles.append(Trouble(promise=broken.promise, detail=broken.detail))
        except Exception as error:  # noqa: BLE001  # any other failure is what the lab looks for
            said = str(error).partition("\n")[0]
            detail = f"{replica.name} {role}: {type(error).__name__}: {said}"
            self.troubles.append(Trouble(promise="every failure has a name", detail=detail))
        return 0

    def _replace(self, replica: Replica, process: Relay | Worker) -> None:
        if process is replica.relay:
            replica.relay = self._relay(replica.service)
        else:
            replica.worker = self._worker(replica.service)
        self._idle.clear()

    def _seen(self, replica: Replica, role: str) -> tuple[object, ...]:
        """Return what a role's work depends on: the log that it reads, its own, and the time."""
        service = replica.service
        source = replica.sources.get(role, service)
        return source.database.head, service.database.head, service.clock.now()
