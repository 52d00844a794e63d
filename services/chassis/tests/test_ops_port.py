"""Probes and metrics for those who run a process: they answer also when nothing else does."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest

from chassis import ops_port
from chassis.health import Check, NotReady
from chassis.loops import Loop, Loops
from chassis.ops_port import OpsPort
from chassis.telemetry import metrics, setup
from chassis.testing.settings import settings
from service_process import wait_for

# A process whose hub hangs for ever once a line comes in; everything else is as in a worker.
HANGING = """
import eventlet
eventlet.monkey_patch()
import sys, time
from eventlet import patcher
from chassis import ops_port
from chassis.health import Check
from chassis.testing.settings import settings
ops = ops_port.serve(
    settings(ops_port=0), [Check(name="fine", probe=lambda: None)], exposed=lambda: b"one 1\\n"
)
ops.hung_seconds = 1.0
ops.started = True
eventlet.spawn(ops.attend, eventlet.spawn, eventlet.sleep)
print(ops.port, flush=True)
from eventlet import tpool
tpool.execute(sys.stdin.readline)
patcher.original("time").sleep(600)
"""


def asked(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a GET."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", path)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


def problems(port: int, path: str) -> dict[str, Any]:
    """Return the problem of each check that fails."""
    status, body = asked(port, path)
    found = {c["name"]: c["problem"] for c in json.loads(body)["checks"] if c["problem"]}
    assert (status == 200) == (not found)
    return found


@contextmanager
def serving(*ready: Check, alive: tuple[Check, ...] = ()) -> Iterator[tuple[OpsPort, int]]:
    """Serve an ops port on a free port."""
    ops = ops_port.serve(
        settings(ops_port=0), ready, exposed=lambda: b"sixfold_ones 1\n", alive=alive
    )
    assert ops.port
    try:
        yield ops, ops.port
    finally:
        ops.close()


def failing() -> None:
    raise NotReady("17 events behind, allowed are 5")


def test_without_a_port_nothing_is_served() -> None:
    """A developer's machine would open ports that nobody asked for."""
    ops = ops_port.serve(settings(), [], exposed=lambda: b"")
    ops.beat()

    assert ops.port is None


def test_each_probe_answers_its_own_question() -> None:
    """An orchestrator that restarts what only waits for its database makes an outage worse."""
    with serving(Check(name="lag below limit", probe=failing)) as (ops, port):
        assert problems(port, "/startupz") == {"started": "still starting"}
        assert problems(port, "/readyz") == {
            "started": "still starting",
            "lag below limit": "17 events behind, allowed are 5",
        }
        ops.started = True

        assert problems(port, "/startupz") == {}
        assert problems(port, "/readyz") == {"lag below limit": "17 events behind, allowed are 5"}
        assert problems(port, "/livez") == {}
        assert asked(port, "/metrics") == (200, "sixfold_ones 1\n")
        assert asked(port, "/")[0] == 404


def test_who_asks_may_leave_checks_out() -> None:
    """Losing the broker would take every answer away, though commands need none."""
    lag, broker = Check(name="lag below limit", probe=failing), Check(name="broker", probe=failing)
    with serving(lag, broker, Check(name="fine", probe=lambda: None)) as (ops, port):
        ops.started = True

        assert problems(port, "/readyz").keys() == {"lag below limit", "broker"}
        assert problems(port, "/readyz?exclude=broker").keys() == {"lag below limit"}
        assert problems(port, "/readyz?exclude=broker&exclude=lag+below+limit") == {}
        status, body = asked(port, "/readyz?exclude=brokre&exclude=broker")

    told = "unknown: brokre; there are: started, lag below limit, broker, fine"
    assert status == 400
    assert json.loads(body)["checks"] == [{"name": "exclude", "problem": told}]


def test_what_a_probe_leaves_out_is_measured_all_the_same() -> None:
    """An alert would never hear that the broker is away, as the probe comes every five seconds."""
    looks = []
    broker = Check(name="broker", probe=lambda: looks.append(1))
    ops = OpsPort(ready=(broker,), alive=(), exposed=lambda: b"", started=True, now=lambda: 0.0)

    assert ops.page("/readyz?exclude=broker").status == 200
    assert not looks
    assert ops.page("/metrics").status == 200
    assert looks


def test_a_main_loop_that_is_silent_is_not_alive() -> None:
    """A process that hangs would be kept for ever, because it can still answer."""
    now = [0.0]
    ops = OpsPort(ready=(), alive=(), exposed=lambda: b"", now=lambda: now[0])
    ops.beat()
    now[0] = ops_port.HUNG_SECONDS
    assert ops.page("/livez").status == 200

    now[0] += 1
    assert ops.page("/livez").status == 503
    assert b"silent for 21 seconds" in ops.page("/livez").body
    ops.beat()
    assert ops.page("/livez").status == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_whose_thread_ended_is_not_alive() -> None:
    """A relay that lost its publisher would publish nothing until somebody wonders."""

    def give_up() -> int:
        raise SystemExit

    loops = Loops([Loop(name="publisher", step=give_up, idle=1)])
    assert loops.turning().probe() is None
    loops.start()
    with serving(alive=(loops.turning(),)) as (_, port):
        wait_for(lambda: bool(problems(port, "/livez")), "the loop ended")
        assert problems(port, "/livez") == {"loops turn": "ended: publisher"}
        loops.stop()
        assert problems(port, "/livez") == {}


def test_a_secret_in_a_failure_is_not_shown() -> None:
    """Whoever may probe could read the database's password."""

    def quoting() -> bytes:
        raise OSError("postgresql://app:hunter2@db")

    ops = OpsPort(ready=(), alive=(), exposed=quoting)

    assert (ops.page("/metrics").status, b"hunter2" in ops.page("/metrics").body) == (503, False)


def test_metrics_are_in_the_text_format_with_whose_they_are() -> None:
    """A scraper that adds no labels of its own could not tell the services apart."""
    telemetry = setup.in_memory()
    metrics.record(metrics.LEADING, 1, role="publisher")
    metrics.record(metrics.APPENDED, 3)
    with metrics.timed(metrics.APPEND_SECONDS, outcome="done"):
        pass
    text = telemetry.exposed().decode()
    telemetry.stop()

    who = 'service_name="test",sixfold_workload="test"'
    assert f'sixfold_leader_leading{{role="publisher",{who}}} 1.0\n' in text
    assert f"sixfold_log_appended_total{{{who}}} 3.0\n" in text
    assert f'sixfold_log_append_duration_seconds_count{{outcome="done",{who}}} 1.0\n' in text
    assert "process_open_fds " in text


def test_a_hub_that_hangs_is_seen_from_outside() -> None:
    """A worker that takes no more requests would never be started anew."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            port = int(process.stdout.readline())
            assert asked(port, "/metrics") == (200, "one 1\n")
            assert problems(port, "/readyz") == {}
            assert problems(port, "/livez") == {}

            process.stdin.write("\n")
            process.stdin.flush()
            wait_for(lambda: "main loop turns" in problems(port, "/livez"), "it is seen to hang")
            assert problems(port, "/readyz") == {"answers": "the main loop does not answer"}
        finally:
            process.kill()
