"""Make a failing schedule as short as it can be and still fail: delta debugging."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from chassis.testing.simulation.schedule import Schedule
from chassis.testing.simulation.steps import Ask, Fault, Step, Turn

T = TypeVar("T")
Fails = Callable[[Schedule], bool]
MOST_TRIES = 600


def shrink(schedule: Schedule, fails: Fails) -> Schedule:
    """Return a smallest schedule that still fails, or the smallest found in so many tries."""
    tries = iter(range(MOST_TRIES))

    def still(candidate: Schedule) -> bool:
        return next(tries, None) is not None and fails(candidate)

    before = None
    while before != schedule:
        before = schedule
        schedule = _fewer_steps(schedule, still)
        schedule = _fewer_commands(schedule, still)
        schedule = _simpler_steps(schedule, still)
    return schedule


def _fewer_steps(schedule: Schedule, still: Fails) -> Schedule:
    steps = without(schedule.steps, lambda kept: still(replace(schedule, steps=tuple(kept))))
    return replace(schedule, steps=tuple(steps))


def _fewer_commands(schedule: Schedule, still: Fails) -> Schedule:
    kept = without(schedule.commands, lambda some: still(replace(schedule, commands=tuple(some))))
    return replace(schedule, commands=tuple(kept))


def _simpler_steps(schedule: Schedule, still: Fails) -> Schedule:
    for number, step in enumerate(schedule.steps):
        for simpler in _simpler(step):
            steps = (*schedule.steps[:number], simpler, *schedule.steps[number + 1 :])
            if still(replace(schedule, steps=steps)):
                schedule = replace(schedule, steps=steps)
                break
    return schedule


def _simpler(step: Step) -> Iterator[Step]:
    if isinstance(step, Turn | Ask) and step.fault is not None:
        yield replace(step, fault=None)
        for fault in _earlier(step.fault):
            yield replace(step, fault=fault)


def _earlier(fault: Fault) -> Iterator[Fault]:
    if fault.kind != "crash":
        yield Fault(kind="crash", at=fault.at)
    yield from (replace(fault, at=at) for at in range(1, fault.at))


def without(items: Sequence[T], still: Callable[[Sequence[T]], bool]) -> Sequence[T]:
    """Leave out as many items as possible, larger pieces first, while ``still`` says yes.

    >>> without([1, 2, 3, 4, 5, 6, 7], lambda kept: {3, 6} <= set(kept))
    [3, 6]
    """
    size = len(items)
    while size:
        start = 0
        while start < len(items):
            fewer = [*items[:start], *items[start + size :]]
            if still(fewer):
                items = fewer
            else:
                start += size
        size //= 2
    return list(items)
