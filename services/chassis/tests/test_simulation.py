"""The simulation: whole builds keep every promise under it, and broken ones are caught."""

import os
import subprocess
import sys

import pytest

from chassis.testing.simulation.__main__ import main
from chassis.testing.simulation.broken import BROKEN, broken
from chassis.testing.simulation.lab import Lab, Violated
from chassis.testing.simulation.pingpong.game import make
from chassis.testing.simulation.runner import first_violation
from chassis.testing.simulation.schedule import Ran, Schedule
from chassis.testing.simulation.steps import Ask, BackUp, Fault, Jump, Restore, Sicken, Step, Turn

QUICK = 150
MOST = 2000  # of a broken build's schedules, long within a minute


@pytest.fixture(scope="module")
def lab() -> Lab:
    return make()


def seed_with(lab: Lab, *commands: str) -> int:
    """Return a seed whose workload has at least these commands."""
    return next(s for s in range(1000) if set(commands) <= set(lab.check(s).schedule.commands))


def after(lab: Lab, commands: tuple[str, ...], *steps: Step) -> Ran:
    """Let exactly these things happen, then bring everything to rest."""
    return lab.replay(seed_with(lab, *commands), Schedule(commands=commands, steps=steps))


def test_every_promise_is_kept(lab: Lab) -> None:
    """Events would be lost, doubled or reordered by some unlucky order of crashes and messages."""
    violation = first_violation(lab, range(QUICK))

    assert violation is None, f"\n{violation}"


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_build_is_caught_and_explained(lab: Lab, name: str) -> None:
    """The lab would look on while events are lost: it would prove nothing."""
    with broken(name):
        found = first_violation(lab, range(MOST))
    assert found is not None, f"nobody notices: {name}"
    assert len(found.schedule.steps) <= 8, str(found)
    assert len(found.schedule.commands) <= 2, str(found)


def test_a_seed_says_the_same_every_time(lab: Lab) -> None:
    """Whoever gets a seed from somebody else could not see what went wrong."""
    name = "move the checkpoint in another transaction"
    with broken(name):
        found = first_violation(lab, range(MOST))
    assert found is not None
    seed = ["--seed", str(found.seed), "--without", name]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "chassis.testing.simulation", *seed],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{found}\n", done.stderr
    assert done.returncode == 1


def test_a_violation_fails_a_test_with_its_steps(lab: Lab) -> None:
    """An engineer would be told that something is wrong, and not what led to it."""
    with broken("check no chain"), pytest.raises(Violated, match=r"  1\. ping/\d is asked: "):
        lab.prove(MOST)


def test_a_restored_log_raises_the_alarm_and_stops_its_readers(lab: Lab) -> None:
    """After a restore from an older copy, readers would go on with facts that never were."""
    practise = "practise 0 at wall-0"
    read = (
        BackUp(service="ping"),
        Ask(replica="ping/0", command=practise),
        Turn(replica="ping/0", role="publisher"),
        Turn(replica="pong/0", role="consume ping"),
        Restore(service="ping"),
        Jump(seconds=60),  # so that what is recorded again is another event
    )

    ran = after(lab, (practise,), *read)

    assert ran.troubles == []
    assert "ForkedLog" in ran.findings.world.alarms["pong/0", "ping"]


def test_a_look_that_a_neighbour_overtakes_is_no_fork(lab: Lab) -> None:
    """Two workers of one subscription would stop each other with a false alarm."""
    commands = ("practise 0 at wall-0", "practise 1 at wall-0")
    for point in range(1, 6):
        others = (("ping/0", f"ask {commands[1]}"), ("pong/1", "look ping"))
        look = Fault(kind="meanwhile", at=point, meanwhile=others)

        ran = after(
            lab,
            commands,
            Ask(replica="ping/0", command=commands[0]),
            Turn(replica="pong/0", role="look ping", fault=look),
        )

        assert ran.findings.world.alarms == {}
        assert ran.troubles == []


def test_two_relays_retry_a_parked_event_once(lab: Lab) -> None:
    """A read model would count a parked event twice when two replicas retry it together."""
    command = "practise 0 at wall-0"
    for point in range(1, 6):
        twin = Fault(kind="meanwhile", at=point, meanwhile=(("ping/1", "projections"),))

        ran = after(
            lab,
            (command,),
            Ask(replica="ping/0", command=command),
            Sicken(service="ping", reader="strokes", times=1, error="Poisoned"),
            Turn(replica="ping/0", role="projections"),
            Jump(seconds=5),
            Turn(replica="ping/0", role="projections", fault=twin),
        )

        assert ran.troubles == []


def test_many_schedules_are_shared_among_processes(capsys: pytest.CaptureFixture[str]) -> None:
    """``make simulate`` would not say how much it looked at."""
    assert main(["--schedules", "20", "--processes", "1", "--first", "5000"]) == 0
    assert capsys.readouterr().out.startswith("20 schedules in ")
