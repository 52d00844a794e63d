"""Run the steps of a process's roles in threads, until told to stop."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chassis.errors import Alarm, Conflict, Unavailable
from chassis.health import Check, NotReady
from chassis.logs import get_logger
from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare

PAUSE_SECONDS = 1.0
LOOP_SILENT = declare(
    Metric(
        name="sixfold.loop.silent",
        kind="gauge",
        unit="s",
        description="How long ago a loop ended its last step",
        labels=frozenset({"loop"}),
    )
)
LOOP_FAILED = declare(
    Metric(
        name="sixfold.loop.failed",
        kind="counter",
        unit="{step}",
        description="Steps that failed and are tried again: unavailable servers, or a defect",
        labels=frozenset({"loop", "outcome"}),
    )
)
_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loop:
    """Something to do again and again.

    Args:
        step: Does some of it; returns how much, 0 when nothing is left for now.
        idle: Seconds to wait after a step that found nothing.
        rest: Seconds to wait after a step that did something, so that the next finds more.
        rung: Wait less when the bell rings: there may be something to do.
        close: Gives back what the steps hold; called once at the end and after a failure.
    """

    name: str
    step: Callable[[], int]
    idle: float
    rest: float = 0
    rung: bool = False
    close: Callable[[], None] = lambda: None


class Bell:
    """Wakes whoever waits for something to change, so that only one thread has to look."""

    def __init__(self) -> None:
        self._rings = 0
        self._changed = threading.Condition()

    @property
    def rings(self) -> int:
        """How often it rang."""
        return self._rings

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self._rings += 1
            self._changed.notify_all()

    def wait(self, heard: int, seconds: float) -> None:
        """Wait until it rang more often than ``heard``, ``seconds`` at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._rings > heard, seconds)


def ringing(
    bell: Bell,
    look: Callable[[], object],
    every: float,
    *,
    wait: Callable[[float], None] | None = None,
    close: Callable[[], None] = lambda: None,
) -> Loop:
    """Return the loop that rings a bell whenever what ``look`` returns has changed.

    Args:
        bell: To be rung.
        look: Returns anything that can be compared.
        every: Seconds between two looks at most.
        wait: Waits for a hint that it is time to look, so many seconds at most.
        close: Gives back what ``wait`` holds.
    """
    seen: list[object] = [None]

    def step() -> int:
        if wait is not None:
            wait(every)
        now = look()
        if now != seen[0]:
            seen[0] = now
            bell.ring()
        return 0

    return Loop(name="bell", step=step, idle=0 if wait else every, close=close)


class Loops:
    """Threads that run loops; one that is alarmed stops alone and is reported."""

    def __init__(self, loops: Sequence[Loop], bell: Bell | None = None) -> None:
        self._stop = threading.Event()
        self._bell = bell or Bell()
        self.alarms: dict[str, str] = {}
        self._ended: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True)
            for loop in loops
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            self._ended[thread.name] = time.monotonic()
            metrics.record(metrics.READER_STOPPED, 0, reader=thread.name)
            for outcome in ("unavailable", "defect"):
                metrics.record(LOOP_FAILED, 0, loop=thread.name, outcome=outcome)
            thread.start()
        metrics.watch(LOOP_SILENT, self._silent)

    def ask_to_stop(self) -> None:
        """Ask every thread to leave; safe in a signal handler."""
        self._stop.set()

    def stop(self, timeout: float = 10) -> None:
        """Ask every thread to leave and wait for them, ``timeout`` seconds in all at most.

        One that hangs is left behind: what it had not committed does not count.
        """
        self._stop.set()
        self._bell.ring()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if hanging := [thread.name for thread in self._threads if thread.is_alive()]:
            _log.warning("loops.left_behind", loops=hanging)

    @property
    def stopping(self) -> bool:
        """Whether the threads were asked to leave."""
        return self._stop.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until asked to stop; returns whether that happened."""
        return self._stop.wait(seconds)

    def turning(self) -> Check:
        """Require that no thread has ended by itself; one that an alarm stopped may stay so.

        Only a process that is started anew would have such a thread again.
        """

        def probe() -> None:
            threads = () if self.stopping else self._threads
            ended = [
                thread.name
                for thread in threads
                if thread.ident and not thread.is_alive() and thread.name not in self.alarms
            ]
            if ended:
                raise NotReady(f"ended: {', '.join(ended)}")

        return Check(name="loops turn", probe=probe)

    def _silent(self) -> list[tuple[dict[str, str], float]]:
        now = time.monotonic()
        turning = (name for name in self._ended if name not in self.alarms)
        return [({"loop": name}, now - self._ended[name]) for name in turning]

    def _run(self, loop: Loop) -> None:
        try:
            while not self._stop.is_set():
                heard = self._bell.rings
                pause = self._pause_after(loop)
                self._ended[loop.name] = time.monotonic()
                self._pause(loop, heard, pause)
        except Alarm as alarm:
            self.alarms[loop.name] = str(alarm)
            metrics.record(metrics.READER_STOPPED, 1, reader=loop.name)
            _log.error("loop.alarm", loop=loop.name, reason=str(alarm))
        finally:
            loop.close()

    def _pause(self, loop: Loop, heard: int, seconds: float) -> None:
        if loop.rung:
            self._bell.wait(heard, seconds)
        else:
            self._stop.wait(seconds)

    def _pause_after(self, loop: Loop) -> float:
        try:
            return loop.rest if loop.step() else loop.idle
        except Conflict:
            return 0
        except Alarm:
            raise
        except Unavailable as error:
            metrics.record(LOOP_FAILED, loop=loop.name, outcome="unavailable")
            _log.warning("loop.pause", loop=loop.name, reason=str(error))
        except Exception:  # noqa: BLE001  # said and tried again
            # A defect in one step must not end the role silently: it is said, and tried again.
            metrics.record(LOOP_FAILED, loop=loop.name, outcome="defect")
            _log.exception("loop.failed", loop=loop.name)
        loop.close()
        self._stop.wait(PAUSE_SECONDS)
        return 0
