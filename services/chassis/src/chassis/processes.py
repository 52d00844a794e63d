"""Process managers: an event in, commands to the own service out, timers, compensation.

A process is a pure function.  Its state is an event stream of its own, written in the same
transaction as the events of the commands it gave, so a crash anywhere leaves either all of
a step or nothing of it.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    String,
    Table,
    Text,
    and_,
    select,
    text,
)

from chassis import direct, schemas, stored_values
from chassis.clock import micros, moment
from chassis.decider import Decider
from chassis.delivery import Handler
from chassis.envelope import Recorded
from chassis.errors import Rejected
from chassis.events import EventRegistry
from chassis.reactions import in_unit_of_work
from chassis.storage import Storage
from chassis.timers import TimerFired, cancel_timer, process_stream, set_timer
from chassis.unit_of_work import UnitOfWork

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessAdvanced:
    """A process took note of something: what it did about it, and what it knows now."""

    process: str
    key: str
    trigger: str
    done_steps: tuple[str, ...]
    refused_steps: tuple[str, ...]
    finished: bool
    state: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command to an aggregate of the own service, under the process's name for it."""

    name: str
    decider: Decider[Any, Any, Any]
    entity_id: object
    command: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class UseCase:
    """What a process wants done where one aggregate's own history is not enough to decide it.

    Args:
        name: The process's name for it.
        run: Carries it out; whatever it refuses it must refuse before its first event.
    """

    name: str
    run: Callable[[UnitOfWork], object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Timer:
    """When to be told; None takes an earlier wish of that name back."""

    name: str
    due_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A step's command was refused; the process decides what follows."""

    step: str
    code: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction(Generic[S]):
    """What a process makes of one trigger."""

    state: S
    steps: Sequence[Step | UseCase] = ()
    timers: Sequence[Timer] = ()
    finished: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Process(Generic[S]):
    """One process manager.

    Args:
        name: Category of its streams and name of its reader.
        initial: The state before the first trigger, a frozen dataclass.
        triggers: Classes of own events that it looks at.
        key_of: Which instance a trigger belongs to; None when it isn't this process's business.
        react: What to do, given the state and a trigger, a ``TimerFired`` or a ``Refused``.
        begun_by: The triggers that begin an instance; others of an instance that has not
            begun are nobody's business.  Any trigger begins one if nothing is said.
    """

    name: str
    initial: S
    triggers: tuple[type[Any], ...]
    key_of: Callable[[Any], str | None]
    react: Callable[[S, Any], Reaction[S]]
    begun_by: tuple[type[Any], ...] = ()

    def concerned(self, trigger: Any, *, begun: bool) -> bool:
        """Say whether an instance, begun or not, looks at a trigger."""
        return begun or not self.begun_by or isinstance(trigger, self.begun_by)


@dataclass(slots=True)
class _Progress(Generic[S]):
    state: S
    done: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    timers: dict[str, datetime | None] = field(default_factory=dict)
    finished: bool = False


def declare(registry: EventRegistry) -> None:
    """Register the events that processes and timers record."""
    registry.event("process_advanced")(ProcessAdvanced)
    registry.event("timer_fired")(TimerFired)


def define_table(metadata: MetaData) -> Table:
    """Add the ``processes`` table: where every instance stands, for the orphans' report."""
    return Table(
        "processes",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("process", String(100), primary_key=True),
        Column("key", String(300), primary_key=True),
        Column("finished", Boolean, nullable=False),
        Column("advanced_at", BigInteger, nullable=False),
        Column("last", Text, nullable=False),
    )


_processes = define_table(MetaData())
_COUNT_ORPHANS = text(
    """SELECT process, count(*) FROM processes p WHERE NOT finished AND advanced_at < :before
    AND NOT EXISTS (SELECT 1 FROM timers t
        WHERE t.tenant = p.tenant AND t.process = p.process AND t.key = p.key)
    GROUP BY process"""
)
_NOTE = """INSERT INTO processes (tenant, process, key, finished, advanced_at, last)
VALUES (:tenant, :process, :key, :finished, :advanced_at, :last)
ON CONFLICT (tenant, process, key) DO UPDATE SET
    finished = excluded.finished, advanced_at = excluded.advanced_at, last = excluded.last"""


def handlers_of(storage: Storage, process: Process[Any]) -> Mapping[str, Handler]:
    """Return the handlers that run a process over the own log."""

    def advance(work: UnitOfWork, recorded: Recorded) -> None:
        trigger = storage.registry.decode(recorded, storage.keys)
        key = _key_of(process, trigger)
        if key is not None:
            _advance(work, storage.registry, process, key=key, trigger=trigger)

    names = [storage.registry.kind_for(cls).name for cls in (*process.triggers, TimerFired)]
    handler = in_unit_of_work(storage, process.name, advance)
    return dict.fromkeys(names, handler)


def run(
    process: Process[S], state: S, trigger: Any, attempt: Callable[[Step | UseCase], str | None]
) -> tuple[S, Sequence[str], Sequence[str], Mapping[str, datetime | None], bool]:
    """Drive a process through one trigger, its refusals included.

    Args:
        process: Which one.
        state: What it knew before.
        trigger: The event, or the timer, that it reacts to.
        attempt: Carries a step out; returns the refusal's code, None when it was done.

    Returns:
        The state afterwards, steps done, steps refused, timers, and whether it has finished.
    """
    progress, triggers = _Progress(state=state), deque([trigger])
    while triggers:
        reaction = process.react(progress.state, triggers.popleft())
        progress.state = reaction.state
        progress.finished = reaction.finished
        progress.timers.update({timer.name: timer.due_at for timer in reaction.timers})
        for step in reaction.steps:
            code = attempt(step)
            (progress.refused if code else progress.done).append(step.name)
            if code:
                triggers.append(Refused(step=step.name, code=code))
    return progress.state, progress.done, progress.refused, progress.timers, progress.finished


def orphans(db: Connection, *, before: datetime) -> list[dict[str, Any]]:
    """Return the instances that have not finished and stood still since ``before``."""
    found = db.execute(
        select(_processes)
        .where(and_(_processes.c.finished.is_(False), _processes.c.advanced_at < micros(before)))
        .order_by(_processes.c.advanced_at)
    )
    return [
        {**row, "advanced_at": moment(row["advanced_at"]).isoformat()} for row in found.mappings()
    ]


def count_orphans(db: Connection, *, before: datetime) -> dict[str, int]:
    """Count the instances that stand still and wait for no timer, by process."""
    found = db.execute(_COUNT_ORPHANS, {"before": micros(before)})
    return dict(found.tuples().all())


def _key_of(process: Process[Any], trigger: Any) -> str | None:
    if isinstance(trigger, TimerFired):
        return trigger.key if trigger.process == process.name else None
    return process.key_of(trigger)


def _advance(
    work: UnitOfWork, registry: EventRegistry, process: Process[S], *, key: str, trigger: Any
) -> None:
    stream = process_stream(process.name, key)
    history = work.log.stream(work.tenant, stream)
    if not process.concerned(trigger, begun=bool(history)):
        return
    state, done, refused, timers, finished = run(
        process, _state(registry, process, history, work), trigger, lambda step: _try(work, step)
    )
    advanced = ProcessAdvanced(
        process=process.name,
        key=key,
        trigger=registry.kind_of(trigger).name,
        done_steps=tuple(done),
        refused_steps=tuple(refused),
        finished=finished,
        state=schemas.dump(state),
    )
    work.add(stream, [advanced], expected_version=len(history))
    _keep_timers(work, process.name, key, timers)
    _note(work, advanced)


def _state(
    registry: EventRegistry, process: Process[S], history: Sequence[Any], work: UnitOfWork
) -> S:
    steps = [stored for stored in history if stored.type == "process_advanced"]
    if not steps:
        return process.initial
    state: S = stored_values.convert(
        type(process.initial), registry.decode(steps[-1], work.keys).state
    )
    return state


def _try(work: UnitOfWork, step: Step | UseCase) -> str | None:
    try:
        if isinstance(step, UseCase):
            step.run(work)
        else:
            work.execute(step.decider, step.entity_id, step.command)
    except Rejected as refusal:
        return refusal.code
    return None


def _keep_timers(
    work: UnitOfWork, process: str, key: str, timers: Mapping[str, datetime | None]
) -> None:
    for name, due_at in timers.items():
        if due_at is None:
            cancel_timer(work.db, work.tenant, process=process, key=key, name=name)
        else:
            set_timer(work.db, work.context, process=process, key=key, name=name, due_at=due_at)


def _note(work: UnitOfWork, advanced: ProcessAdvanced) -> None:
    row = {
        "tenant": work.tenant,
        "process": advanced.process,
        "key": advanced.key,
        "finished": advanced.finished,
        "advanced_at": micros(work.now),
        "last": advanced.trigger,
    }
    direct.execute(work.db, _NOTE, row)
