"""A role goes on after a failure, stops after an alarm, and leaves when it is told to."""

import threading
import time
from collections.abc import Callable

import pytest

from chassis import loops
from chassis.errors import Alarm, Conflict, Unavailable
from chassis.loops import Loop, Loops

DEADLINE = 10.0


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "PAUSE_SECONDS", 0.01)


class Role:
    """A step that raises what it is given, one thing a time, and then has nothing to do."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.closed = 0
        self.idle = threading.Event()

    def step(self) -> int:
        if self.failures:
            raise self.failures.pop(0)
        self.idle.set()
        return 0

    def close(self) -> None:
        self.closed += 1

    def loop(self, name: str = "role") -> Loop:
        return Loop(name=name, step=self.step, idle=0.01, close=self.close)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        threading.Event().wait(0.01)


@pytest.mark.parametrize("error", [ValueError("no"), Unavailable("down"), Conflict("lost")])
def test_a_failing_step_does_not_end_its_role(error: Exception) -> None:
    """A broker's restart, or a defect in one batch, needs nobody to restart the process."""
    role = Role(error, error)
    running = Loops([role.loop()])
    running.start()

    assert role.idle.wait(DEADLINE)
    assert running.alarms == {}
    running.stop()


@pytest.mark.parametrize(("error", "times"), [(ValueError("no"), 3), (Conflict("lost"), 1)])
def test_what_a_failing_step_held_is_given_back(error: Exception, times: int) -> None:
    """A broken connection is not used again; one that merely lost a race is."""
    role = Role(error, error)
    running = Loops([role.loop()])
    running.start()
    assert role.idle.wait(DEADLINE)

    running.stop()

    assert role.closed == times


def test_an_alarm_ends_its_own_role_only() -> None:
    """A forked log stops its reader until somebody has looked; the others go on."""
    alarmed, fine = Role(Alarm("forked")), Role()
    running = Loops([alarmed.loop("reader"), fine.loop("other")])
    running.start()
    wait_for(lambda: "reader" in running.alarms)
    fine.idle.clear()

    assert fine.idle.wait(DEADLINE)
    assert running.alarms == {"reader": "forked"}
    assert not alarmed.idle.is_set()
    assert alarmed.closed == 1
    running.stop()


def test_stopping_takes_no_longer_than_allowed() -> None:
    """An operator's stop is bounded, however many steps hang."""
    release, began = threading.Event(), threading.Barrier(4)

    def hang() -> int:
        began.wait(DEADLINE)
        release.wait(DEADLINE)
        return 0

    running = Loops([Loop(name=str(n), step=hang, idle=0.01) for n in range(3)])
    running.start()
    began.wait(DEADLINE)
    started = time.monotonic()

    running.stop(timeout=0.2)

    assert 0.2 <= time.monotonic() - started < 2
    assert running.stopping
    release.set()


def test_a_role_is_told_to_leave_while_it_waits() -> None:
    """A stop does not wait for the next poll."""
    role = Role()
    running = Loops([Loop(name="slow", step=role.step, idle=60, close=role.close)])
    running.start()
    assert role.idle.wait(DEADLINE)

    running.ask_to_stop()
    assert running.wait(DEADLINE)
    running.stop(timeout=DEADLINE)

    assert role.closed == 1
