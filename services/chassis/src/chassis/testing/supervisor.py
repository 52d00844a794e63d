"""Run one server and stop it when asked, or when the process that asked for it is gone.

Started as a script by `chassis.testing.nodes`, so that a node ends with its owner however that
one dies: SIGTERM and SIGINT stop the server in order, SIGUSR1 kills it and all it started.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_CHILD_SUBREAPER = 36  # orphans of the server become ours, so none can be left running
TICK = 0.1


class Wish:
    """What the owner last asked for by signal."""

    stop = False
    kill = False

    def listen(self) -> None:
        """Turn signals into wishes."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, self.receive)

    def receive(self, number: int, _frame: FrameType | None) -> None:
        """Note one signal."""
        self.stop = True
        self.kill = self.kill or number == signal.SIGUSR1


def supervise(order: dict[str, Any]) -> int:
    """Start what the order names, wait for its end or a wish, and leave nothing behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wish = Wish()
    wish.listen()
    try:
        server = [launch(command, order["log"]) for command in order["commands"]][-1]
        while server.poll() is None and not wish.stop and os.getppid() == order["owner"]:
            reap(except_for=server.pid)
            time.sleep(TICK)
        if not wish.kill and server.poll() is None:
            end(server, wish, signal.Signals[order["stop_signal"]], order["grace"])
        return server.poll() or 0
    finally:
        sweep()


def launch(command: dict[str, Any], log: str) -> subprocess.Popen[bytes]:
    """Start one process and, where it has a port, wait until that accepts."""
    with Path(log).open("ab") as output:
        process = subprocess.Popen(
            command["argv"],
            env=command["env"],
            cwd=Path(log).parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 10
    while command.get("port") and not accepts(command["port"]) and time.monotonic() < deadline:
        time.sleep(TICK / 5)
    return process


def accepts(port: int) -> bool:
    """Say whether something listens on a loopback port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(server: subprocess.Popen[bytes], wish: Wish, number: signal.Signals, grace: float) -> None:
    """Ask the server to stop and wait, but no longer than the grace period or a wish to kill."""
    server.send_signal(number)
    deadline = time.monotonic() + grace
    while server.poll() is None and time.monotonic() < deadline and not wish.kill:
        time.sleep(TICK)


def reap(*, except_for: int) -> None:
    """Collect ended orphans, which would pile up as zombies; the server's own end is read later."""
    peek = os.WEXITED | os.WNOHANG | os.WNOWAIT
    while (ended := os.waitid(os.P_ALL, 0, peek)) and ended.si_pid != except_for:
        os.waitpid(ended.si_pid, 0)


def sweep() -> None:
    """Kill every descendant and wait until all are gone."""
    while alive := descendants(os.getpid()):
        for process in alive:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(TICK / 5)


def descendants(ancestor: int) -> list[int]:
    """List the processes below one, read from /proc."""
    parents = dict(filter(None, map(parent_of, Path("/proc").glob("[0-9]*/stat"))))
    found = [ancestor]
    for process in found:
        found.extend(child for child, parent in parents.items() if parent == process)
    return found[1:]


def parent_of(stat: Path) -> tuple[int, int] | None:
    """Read one process's id and parent; None when it ended meanwhile."""
    try:
        return int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


if __name__ == "__main__":
    sys.exit(supervise(json.loads(Path(sys.argv[1]).read_text())))
