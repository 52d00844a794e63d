"""The fault lab: a sound build comes through every fault, and broken builds are caught."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import NamedTuple

import pytest

from chassis.testing.faultlab import main
from chassis.testing.faultlab.catalogue import FAULTS
from chassis.testing.faultlab.lab import Lab
from chassis.testing.faultlab.place import build as command_of
from chassis.testing.faultlab.rounds import Length, Played
from chassis.testing.faultlab.site import Site
from chassis.testing.programs import run_directory
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from greetings_lab import SUBJECT

pytestmark = [pytest.mark.servers, pytest.mark.journey]
SEED = 20_260_506
CAUGHT_SECONDS = 60.0
AT_ONCE = 7


@pytest.fixture(scope="module")
def lab(rabbitmq: PrivateRabbitMQ, postgresql: PrivatePostgreSQL) -> Iterator[Lab]:
    folder = run_directory() / f"faultlab-{os.getpid()}"
    with Site(SUBJECT, folder, rabbitmq, postgresql) as site:
        yield Lab(site=site)
    shutil.rmtree(folder, ignore_errors=True)


def rounds(lab: Lab, seconds: float, length: Length, *faults: str, first: int = 1) -> list[Played]:
    until = time.monotonic() + seconds
    return main.run(lab, SEED, faults, until=until, length=length, first=first)


def test_a_sound_build_comes_through_every_fault(lab: Lab) -> None:
    """A fact would be lost or taken twice, or somebody would have to repair something."""
    played = [
        one
        for number in range(1, ceil(len(FAULTS) / AT_ONCE) + 1)
        for one in rounds(lab, 0.0, Length(faults=AT_ONCE), *FAULTS, first=number)
    ]

    assert [one.violations for one in played if one.violations] == []
    assert {planned.fault for one in played for planned in one.planned} == set(FAULTS)


@contextmanager
def broken(lab: Lab, name: str, breakage: str) -> Iterator[None]:
    """Replace a process by a broken build of it."""
    process = lab.site.processes[name]
    sound = process.argv
    process.argv = command_of(lab.site.role_of(name), process.service, breakage)
    process.again()
    lab.site.wait_ready(name)
    yield
    process.argv = sound
    process.again()


class Build(NamedTuple):
    """A broken build, the faults under which it shows, and what the lab then says."""

    first: int
    name: str
    breakage: str
    faults: tuple[str, ...]
    sign: str


@pytest.mark.parametrize(
    "build",
    [
        Build(100, "greeter.worker", "skip_version_check", (), "expected: version"),
        Build(200, "listener.worker", "acknowledge_early", ("lose_consumers",), "acknowledged"),
        Build(300, "greeter.relay", "drop_confirm", ("cut_publishing",), "never published"),
    ],
    ids=lambda build: build.breakage,
)
def test_a_broken_build_is_caught(lab: Lab, build: Build) -> None:
    """The lab would be green whatever we break."""
    begun = time.monotonic()
    with broken(lab, build.name, build.breakage):
        length = Length(load=4.0, faults=len(build.faults), rest=20)
        played = rounds(lab, CAUGHT_SECONDS, length, *build.faults, first=build.first)

    assert time.monotonic() - begun < CAUGHT_SECONDS
    assert any(build.sign in line for line in played[-1].violations), played[-1].violations
