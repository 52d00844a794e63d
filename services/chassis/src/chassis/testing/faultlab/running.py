"""One process under the lab: started, killed, paused, and started again when it ends."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chassis.testing.nodes import Command, Node
from chassis.testing.supervisor import descendants

TEND_SECONDS = 0.2
GRACE_SECONDS = 25


class Running:
    """One process of a service.

    Args:
        name: ``greeter.relay``.
        argv: What is started.
        environment: With which settings.
        folder: Where its log goes.
        first: What its first life is started with, if with something else.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        first: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.service, self.role = name.split(".")[:2]
        self.deaths = 0
        self.argv = argv
        self._first = first
        self._environment = environment
        self._wanted = False
        self._paused = False
        self._node = Node(
            name=name, directory=folder, stop_signal=signal.SIGTERM, grace=GRACE_SECONDS
        )
        self._turn = threading.RLock()

    @property
    def alive(self) -> bool:
        """Say whether it runs."""
        return self._node.running

    @property
    def pid(self) -> int | None:
        """The number of the process that looks after it, None while it does not run."""
        return self._node.process.pid if self._node.process else None

    @property
    def wanted(self) -> bool:
        """Say whether it is started again when it ends."""
        return self._wanted

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._node.log

    def start(self, **told: str) -> None:
        """Start it, if it does not run, and again whenever it ends.

        Args:
            told: Settings for this life only, such as ``CRASH_AT``.
        """
        with self._turn:
            self._wanted = True
            if not self.alive:
                environment = {**self._environment, **told}
                argv = self._first or self.argv
                self._node.launch([Command(argv=argv, environment=environment)])
                self._first = ()

    def kill(self, *, for_good: bool = False) -> None:
        """Kill it with signal 9; it is started again by ``tend``, unless it is for good."""
        with self._turn:
            self._wanted = self._wanted and not for_good
            self._paused = False
            self._node.kill()

    def again(self, **told: str) -> None:
        """Kill it and start it with settings for one life."""
        with self._turn:
            self.kill()
            self.start(**told)

    def stop(self) -> None:
        """Ask it to leave, and wait for that."""
        with self._turn:
            self._wanted = False
            self.resume()
            self._node.stop()

    def leave_alone(self) -> None:
        """Do not start it again when it ends."""
        self._wanted = False

    def pause(self) -> None:
        """Stop its time: it holds what it holds and does nothing."""
        self._paused = True
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its time go on."""
        if self._paused:
            self._paused = False
            self._signal(signal.SIGCONT)

    def tend(self) -> None:
        """Start it again if it ended: what an orchestrator does."""
        with self._turn:
            if self._wanted and not self.alive:
                self.deaths += 1
                self.start()

    def _signal(self, number: signal.Signals) -> None:
        with self._turn, suppress(ProcessLookupError, IndexError):
            if self._node.process is not None:
                os.kill(descendants(self._node.process.pid)[0], number)


class Tender:
    """Starts again what ended, in a thread of its own, while its block runs."""

    def __init__(self, processes: Callable[[], Sequence[Running]]) -> None:
        self._processes = processes
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._tend, daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """Leave."""
        self._enough.set()
        self._thread.join()

    def _tend(self) -> None:
        while not self._enough.wait(TEND_SECONDS):
            for process in self._processes():
                process.tend()


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module with this interpreter."""
    return [sys.executable, "-m", module, *arguments]
