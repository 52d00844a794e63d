"""What must hold after a round, whatever happened in it: each check a name and a function."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from chassis.envelope import Recorded
from chassis.log_verify import BrokenLog, check
from chassis.testing.faultlab.subject import Answer, Effects, Logs, Mark, Shown, Subject

SHOWN = 3
Pairs = Sequence[tuple[str, Mark]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a round left behind.

    Args:
        logs: Each service's whole log.
        effects: What the handlers made of them, by the effect's name.
        answers: What the customers were answered.
        unanswered: How many commands were not.
        refused: What was refused, in words.
        unpublished: Positions that never came to the bus, by service.
        unsettled: What was still under way at the deadline.
        alarms: What alarmed, in words.
        models: The hashes of the calm scene and of the storm.
        shown: What the services said of each scene, by its name.
    """

    subject: Subject
    logs: Logs
    effects: Mapping[str, Pairs]
    answers: Sequence[Answer]
    unanswered: int
    refused: Sequence[str]
    unpublished: Mapping[str, Sequence[int]]
    unsettled: Sequence[str]
    alarms: Sequence[str]
    models: tuple[str, str]
    shown: Shown


def everything_answered(found: Found) -> Iterator[str]:
    """Require that a service that came back serves everybody."""
    if found.unanswered:
        yield f"{found.unanswered} commands were never answered"
    yield from found.refused


def at_rest(found: Found) -> Iterator[str]:
    """Require that nothing hangs, and nothing waits for a person."""
    yield from found.unsettled


def nothing_alarmed(found: Found) -> Iterator[str]:
    """Require that no reader alarms: no log was forked."""
    yield from found.alarms


def recorded(found: Found) -> Iterator[str]:
    """Require that what was acknowledged is in the log, once."""
    marks = {name: _marks(found, name) for name in {a.command.service for a in found.answers}}
    for answer in found.answers:
        command = answer.command
        times = marks[command.service][command.stream, command.mark]
        if times != 1:
            yield f"acknowledged, {times} times in the log: {command.stream} {command.mark}"


def published(found: Found) -> Iterator[str]:
    """Require that every event came to the bus, where partners see it."""
    for service, missing in found.unpublished.items():
        yield from (f"never published: {service} {at}" for at in missing)


def chain_verifies(found: Found) -> Iterator[str]:
    """Require positions without a gap, streams in order, whole chains."""
    for service, log in found.logs.items():
        try:
            check(log)
        except BrokenLog as error:
            yield f"{service}: {error}"


def handled_once_in_order(found: Found) -> Iterator[str]:
    """Require that every event had its effect once, each stream's in order."""
    for effects in found.subject.effects:
        wanted = by_stream(expected(found.subject, effects, found.logs))
        there = by_stream(found.effects[effects.name])
        for stream in sorted(wanted.keys() | there.keys()):
            yield from _compared(effects, stream, wanted[stream], there[stream])


def same_as_calm(found: Found) -> Iterator[str]:
    """Require that the storm came to what the same load came to without faults."""
    calm, storm = found.models
    if calm != storm:
        yield f"the read models' hash is {storm[:12]}, without faults it was {calm[:12]}"


def subject_agrees(found: Found) -> Iterator[str]:
    """Require what the platform engineer expects besides."""
    yield from found.subject.expects(found.logs, found.answers, found.shown)


CHECKS: Mapping[str, Callable[[Found], Iterator[str]]] = {
    "answered": everything_answered,
    "at rest": at_rest,
    "no alarm": nothing_alarmed,
    "recorded": recorded,
    "published": published,
    "chain": chain_verifies,
    "handled": handled_once_in_order,
    "same as calm": same_as_calm,
    "expected": subject_agrees,
}


def violations(found: Found) -> list[str]:
    """Return everything that does not hold, each with the name of its check."""
    return [f"{name}: {what}" for name, holds in CHECKS.items() for what in _few(holds(found))]


def expected(subject: Subject, effects: Effects, logs: Logs) -> Iterator[tuple[str, Mark]]:
    """Yield what handlers should have left behind, in the log's order."""
    return _marked(subject, effects.mark, logs[effects.source])


def by_stream(pairs: Iterable[tuple[str, Mark]]) -> defaultdict[str, list[Mark]]:
    """Return each stream's marks in order."""
    found: defaultdict[str, list[Mark]] = defaultdict(list)
    for stream, mark in pairs:
        found[stream].append(mark)
    return found


def digest(model: Any) -> str:
    """Return the hash of a model, whatever the order of its keys."""
    return sha256(msgspec.json.encode(model, order="deterministic")).hexdigest()


def _marks(found: Found, service: str) -> Counter[tuple[str, Mark]]:
    subject = found.subject
    own = (effects.mark for effects in subject.effects if effects.source == service)
    return Counter(_marked(subject, subject.mark or next(own), found.logs[service]))


def _marked(
    subject: Subject, mark_of: Callable[[Recorded], Mark | None], log: Iterable[Recorded]
) -> Iterator[tuple[str, Mark]]:
    for event in log:
        mark = mark_of(event)
        if mark is not None:
            yield subject.stream(event), mark


def _compared(
    effects: Effects, stream: str, wanted: Sequence[Mark], there: Sequence[Mark]
) -> Iterator[str]:
    if effects.repeats:
        wanted, there = sorted(set(wanted)), sorted(set(there))
    lost, doubled = Counter(wanted) - Counter(there), Counter(there) - Counter(wanted)
    if lost:
        yield f"{effects.name} lost {list(lost)[:SHOWN]} of {stream}"
    if doubled:
        yield f"{effects.name} has too much of {list(doubled)[:SHOWN]} of {stream}"
    if not lost and not doubled and list(wanted) != list(there):
        yield f"{effects.name} is out of order in {stream}: {list(there)[:10]}"


def _few(lines: Iterator[str]) -> list[str]:
    found = list(lines)
    more = [f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return [*found[:SHOWN], *more]
