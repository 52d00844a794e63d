"""The life of a private server: start, stop, kill, restart, throw away."""

import secrets
import shutil
import signal
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from chassis.testing.nodes import READY_SECONDS, Command, Node
from chassis.testing.programs import run_directory


class PrivateServer(ABC):
    """What the two servers share: a directory, a node and a life from `start` to `close`."""

    name: str
    stop_signal: signal.Signals
    ready_seconds: float = READY_SECONDS

    def __init__(self, directory: Path | None = None, *, fsync: bool = True) -> None:
        """Choose the directory, by default one in `.run`, and whether writes reach the disk."""
        chosen = directory or run_directory() / f"{self.name}-{secrets.token_hex(4)}"
        self.directory = self.place(chosen.absolute())
        self.fsync = fsync
        self.node = Node(name=self.name, directory=self.directory, stop_signal=self.stop_signal)

    def place(self, directory: Path) -> Path:
        """Give the directory that the server can really use."""
        return directory

    def start(self) -> Self:
        """Start the server, keeping what an earlier run of this node stored, and wait for it.

        Raises:
            ServerMissing: the program is not installed; the message says how to get it.
            ServerFailed: it did not become ready; the message ends with its log.
        """
        if not self.node.running:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.node.launch(self.commands())
            self.node.wait_ready(self.ready, self.ready_seconds)
        return self

    def stop(self) -> None:
        """Stop the server in order; what it stored stays for the next start."""
        self.node.stop()

    def kill(self) -> None:
        """Kill the server as a power cut would."""
        self.node.kill()

    def restart(self) -> Self:
        """Stop the server in order and start it on the same ports with what it stored."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop the server and throw away what it stored."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @abstractmethod
    def commands(self) -> list[Command]:
        """Give the processes to start, the server last."""

    @abstractmethod
    def ready(self) -> bool:
        """Say whether the server answers."""

    def __enter__(self) -> Self:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it and throw its files away."""
        self.close()
