"""Worker and relay leave inside their deadline when servers hang or are gone, and lose nothing."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from bus_service import greet, registry
from chassis.clock import SystemClock
from chassis.privacy import MemoryKeys
from chassis.shutdown import DEADLINE_SECONDS
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.fixtures import started
from chassis.testing.private import PrivateServer
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.supervisor import descendants
from chassis.testing.web import Tokens
from service_process import Place, Process, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.journey]
IN_TIME = DEADLINE_SECONDS + 5  # a busy machine is slow to end a process
EVENTS = 20


@pytest.fixture(scope="module")
def broker(server_directory: Path) -> Iterator[PrivateRabbitMQ]:
    server = PrivateRabbitMQ(server_directory / "rabbitmq-shutdown", fsync=False)
    yield started(server)
    server.close()


@pytest.fixture(scope="module")
def postgresql(server_directory: Path) -> Iterator[PrivatePostgreSQL]:
    server = PrivatePostgreSQL(server_directory / "postgresql-shutdown", fsync=False)
    yield started(server)
    server.close()


class Stage:
    """A producer and a consumer as processes, on servers that can be frozen."""

    def __init__(
        self, folder: Path, broker: PrivateRabbitMQ, postgresql: PrivatePostgreSQL
    ) -> None:
        tokens, uri = Tokens(folder), broker.vhost(folder.name)
        self.servers = {"broker": broker, "database": postgresql}
        urls = {
            name: postgresql.database(f"{name}_{folder.name}") for name in ("greeter", "listener")
        }
        self.greeter = Place("greeter", folder, uri, tokens, database_url=urls["greeter"])
        self.listener = Place(
            "listener", folder, uri, tokens,
            feeds=f"greeter={self.greeter.address}", database_url=urls["listener"],
        )  # fmt: skip
        self.storage = Storage(
            service="greeter", database=self.greeter.database, registry=registry,
            keys=MemoryKeys(), clock=SystemClock(), secret=SECRET,
        )  # fmt: skip
        self.written = 0

    def say(self) -> None:
        """Record some more events."""
        numbers = range(self.written, self.written + EVENTS)
        greet(self.storage, "a", numbers)
        self.written += EVENTS

    def has_come(self) -> bool:
        """Say whether everything was handled, each event once and in order."""
        return self.listener.numbers("a") == list(range(self.written))


@pytest.fixture
def stage(
    tmp_path: Path, broker: PrivateRabbitMQ, postgresql: PrivatePostgreSQL
) -> Iterator[Stage]:
    stage = Stage(tmp_path, broker, postgresql)
    yield stage
    stage.greeter.database.close()
    stage.listener.database.close()


@contextmanager
def frozen(server: PrivateServer) -> Iterator[None]:
    """Let a server take connections and be silent."""
    assert server.node.process is not None
    pids = descendants(server.node.process.pid)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def gone(server: PrivateServer) -> Iterator[None]:
    """Let a server be away."""
    server.kill()
    yield
    server.start()


OUTAGES = {"frozen": frozen, "gone": gone}


def leave(processes: list[Process]) -> None:
    """Ask all to leave at once, and see each of them end in time."""
    for process in processes:
        process.ask_to_stop()
    for process in processes:
        code, seconds = process.ended()
        assert seconds < IN_TIME, process.said()
        assert code in {0, 1}, process.said()  # 1: something hung, and was left
        assert "u:p@" not in process.said()


@pytest.mark.parametrize(
    ("outage", "server"), [("frozen", "broker"), ("frozen", "database"), ("gone", "database")]
)
def test_an_outage_holds_up_no_stop_and_costs_no_event(
    stage: Stage, outage: str, server: str
) -> None:
    """A deployment during an outage ends in time, and what was on its way comes after it."""
    with (
        stage.greeter.running("worker", "relay") as greeting,
        stage.listener.running("worker") as listening,
    ):
        wait_for(lambda: stage.greeter.answers("/healthz") is not None, "it answers")
        stage.say()
        wait_for(stage.has_come, "events flow")
        stage.say()  # is on its way when everything stands still
        with OUTAGES[outage](stage.servers[server]), ThreadPoolExecutor() as asking:
            answer = asking.submit(stage.greeter.post, "/v1/greetings/b", {"number": 0})
            wait_for(lambda: stage.greeter.answers("/healthz") is not None, "it still lives")
            leave([*greeting, *listening])
    with stage.greeter.running("worker", "relay"), stage.listener.running("worker"):
        wait_for(stage.has_come, "what was on its way has come, once")
        if answer.exception() is None:
            wait_for(lambda: stage.listener.numbers("b") == [0], "so has what was acknowledged")
