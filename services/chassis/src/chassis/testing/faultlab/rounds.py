"""One round: the load in calm, the same load in a storm of faults, rest, and the checks."""

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import amqp
import psycopg

from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.log_verify import pages
from chassis.storage import log_on
from chassis.testing.contexts import NOW
from chassis.testing.faultlab.catalogue import FAULTS
from chassis.testing.faultlab.checks import Found, Pairs, digest, violations
from chassis.testing.faultlab.lab import Lab, Told
from chassis.testing.faultlab.load import Load
from chassis.testing.faultlab.schedule import Planned, drawn, plan
from chassis.testing.faultlab.subject import Scene
from chassis.testing.nodes import ServerFailed

SCENE_NUMBERS = 10_000
BUS_SECONDS = 15.0
AWAY = (OSError, amqp.AMQPError, Unavailable, psycopg.OperationalError, ServerFailed)
_ALARM = re.compile(r"\w+\.alarm\b.*")
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """How long things may take, in seconds.

    Args:
        load: A scene's load, at the customers' pace.
        faults: How many of them in one round.
        rest: Until everything is answered, and again until everything is at rest.
    """

    load: float = 6.0
    faults: int = 2
    rest: float = 90.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """What decides a round: the run's seed, the round's number, the faults to deal."""

    seed: int
    number: int
    faults: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """What a round was and what it showed."""

    number: int
    planned: Sequence[Planned]
    told: Sequence[Told]
    commands: int
    model: str
    violations: Sequence[str]
    seconds: float


def play(lab: Lab, drawn_by: Draw, length: Length, say: Say) -> Played:
    """Play one round."""
    begun, (seed, number) = time.monotonic(), (drawn_by.seed, drawn_by.number)
    lab.site.set_clocks(NOW)

    def passed(what: str) -> None:
        say(f"  {time.monotonic() - begun:5.1f} s  {what}")

    planned = plan(seed, number, drawn_by.faults, at_once=length.faults, seconds=length.load)
    calm, storm = (scene(seed, number, calm=calm) for calm in (True, False))
    say(f"round {number}")
    for one in planned:
        say(f"  planned  {one}")
    first = _loaded(lab, calm, pauses=False)
    first.finish(length.rest)
    behind = [f"before any fault: {what}" for what in lab.site.rest(length.rest)]
    passed("the calm is over")
    second = _loaded(lab, storm, pauses=True)
    told = _in_storm(lab, planned)
    for did in told:
        say(f"  did      {did.what}")
    lab.site.heal()
    lab.site.set_clocks(NOW)
    passed("the storm is over")
    second.finish(length.rest)
    passed("everybody is served")
    behind += _come_to_rest(lab, length.rest)
    if lab.site.subject.later:
        lab.site.set_clocks(NOW + lab.site.subject.later)
        behind += lab.site.rest(length.rest)
    passed("everything is at rest")
    found = _found(lab, (first, second), (calm, storm), behind)
    broken = [what for did in told for what in did.violations] + violations(found)
    return Played(
        number=number,
        planned=planned,
        told=told,
        commands=len(found.answers),
        model=found.models[1],
        violations=broken,
        seconds=time.monotonic() - begun,
    )


def scene(seed: int, number: int, *, calm: bool) -> Scene:
    """Return a round's calm scene or its storm: the same load under other names."""
    name = f"{'calm' if calm else 'storm'}{number}"
    first = (2 * number + calm) * SCENE_NUMBERS
    return Scene(name=name, first=first, chance=drawn(seed, number, "load"))


def _loaded(lab: Lab, played: Scene, *, pauses: bool) -> Load:
    site = lab.site
    opening, customers = site.subject.opening(played), site.subject.load(played)
    load = Load(customers, site.addresses, site.headers, opening=opening, pauses=pauses)
    load.start()
    return load


def _in_storm(lab: Lab, planned: Sequence[Planned]) -> list[Told]:
    told: list[Told] = []
    begun = time.monotonic()

    def inject(one: Planned) -> None:
        time.sleep(max(0.0, begun + one.at - time.monotonic()))
        try:
            told.append(FAULTS[one.fault](lab, one))
        except AWAY as error:
            told.append(Told(f"{one.fault} was cut short by another fault: {error!r}"[:200]))
        except Exception as error:  # noqa: BLE001  # the lab's own failure must not pass for a green round
            told.append(Told(f"{one.fault} failed", [f"the lab: {one.fault}: {error!r}"]))

    threads = [threading.Thread(target=inject, args=(one,), daemon=True) for one in planned]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def _come_to_rest(lab: Lab, seconds: float) -> list[str]:
    if lab.mended.is_set():
        lab.mended.clear()
        lab.site.retry_parked()
    return lab.site.rest(seconds)


def _found(
    lab: Lab, loads: tuple[Load, Load], scenes: tuple[Scene, Scene], behind: Sequence[str]
) -> Found:
    site = lab.site
    logs = {name: _log(lab, name) for name in site.places}
    effects = _effects(lab)
    shown = {one.name: site.subject.shows(one, site.ask) for one in scenes}
    calm, storm = (
        digest(site.subject.model(one, _of(one, effects), shown[one.name])) for one in scenes
    )
    answers = [answer for load in loads for answer in load.answers]
    refused = [line for load in loads for line in load.refused]
    return Found(
        subject=site.subject,
        logs=logs,
        effects=effects,
        answers=answers,
        unanswered=sum(load.wanted for load in loads) - len(answers) - len(refused),
        refused=refused,
        unpublished={
            name: site.witnesses[name].missing(len(log), BUS_SECONDS) for name, log in logs.items()
        },
        unsettled=behind,
        alarms=_alarms(lab),
        models=(calm, storm),
        shown=shown,
    )


def _log(lab: Lab, service: str) -> list[Recorded]:
    with lab.site.look(service) as look:
        return list(pages(log_on(look.db)))


def _effects(lab: Lab) -> dict[str, Pairs]:
    found: dict[str, Pairs] = {}
    for effects in lab.site.subject.effects:
        with lab.site.look(effects.service) as look:
            found[effects.name] = list(effects.read(look))
    return found


def _of(played: Scene, effects: Mapping[str, Pairs]) -> dict[str, Pairs]:
    return {
        name: [(played.plain(stream), mark) for stream, mark in pairs if played.has(stream)]
        for name, pairs in effects.items()
    }


def _alarms(lab: Lab) -> list[str]:
    return [
        f"{name}: {line[:300]}"
        for name, process in lab.site.processes.items()
        for line in _said(process.log)
    ]


def _said(log: Path) -> list[str]:
    return _ALARM.findall(log.read_text(errors="replace")) if log.exists() else []
