"""A private server as an owned process: started, awaited, stopped, killed, never left behind."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chassis.testing.programs import find_setpriv

READY_SECONDS = 60.0
# Below the range that outgoing connections draw from: a node that restarts finds its port free.
PORTS = range(20_000, 32_000)
# A promised port stays free until its server starts: nobody else here may be given it meanwhile.
_promised: set[int] = set()


class ServerFailed(Exception):
    """A server did not start, or did not become ready in time; the message ends with its log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One process of a node; the last of a node's commands is its server."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    port: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as the supervisor reads it."""
        return {"argv": list(self.argv), "env": dict(self.environment), "port": self.port}


@dataclass(kw_only=True, slots=True)
class Node:
    """The process that owns one server; everything under it ends when it, or we, end."""

    name: str
    directory: Path
    stop_signal: signal.Signals
    grace: float = 30.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """Name the file that the server's output goes to."""
        return self.directory / "server.log"

    @property
    def running(self) -> bool:
        """Say whether the server's process lives."""
        return self.process is not None and self.process.poll() is None

    def launch(self, commands: Sequence[Command]) -> None:
        """Start the processes without waiting for readiness."""
        order = self.directory / "order.json"
        order.touch(mode=0o600)
        order.write_text(json.dumps(self.order(commands)))
        # -P keeps this package's folder off the import path; -S and -E keep its start short.
        self.process = subprocess.Popen(
            [sys.executable, "-PSE", str(Path(__file__).with_name("supervisor.py")), str(order)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def order(self, commands: Sequence[Command]) -> dict[str, Any]:
        """Say what the supervisor has to do."""
        return {
            "owner": os.getpid(),
            "log": str(self.log),
            "commands": [command.as_json() for command in commands],
            "stop_signal": self.stop_signal.name,
            "grace": self.grace,
        }

    def wait_ready(self, ready: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
        """Wait until the server answers.

        Raises:
            ServerFailed: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise ServerFailed(f"{self.name} ended while starting:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"{self.name} not ready in {seconds:.0f} s:\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server in order; killed when it takes longer than the grace period."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server and all it started, as a power cut would."""
        self._signal(signal.SIGUSR1)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.process.wait(self.grace + 10)
        self.process = None

    def log_tail(self, lines: int = 30) -> str:
        """Give the end of the server's output."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def bound_to_supervisor(
    argv: Sequence[str], stop_signal: signal.Signals, *rights: str
) -> list[str]:
    """Wrap a command so that it gets a signal when its supervisor is killed.

    setpriv does it after changing the user, which would clear the wish if it were made before.
    """
    name = stop_signal.name.removeprefix("SIG")
    return [str(find_setpriv()), *rights, f"--pdeathsig={name}", "--", *argv]


def free_ports(count: int) -> list[int]:
    """Find distinct free loopback ports; none is given twice by one process."""
    chosen = random.SystemRandom().sample(sorted(set(PORTS) - _promised), 40 * count)
    with ExitStack() as held:
        free: list[int] = []
        while len(free) < count:
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port := chosen.pop()))
                free.append(port)
    _promised.update(free)
    return free
