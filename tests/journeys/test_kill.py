"""The loop on PostgreSQL and RabbitMQ, while its processes and servers are killed under load."""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from kombu.connection import Connection
from psycopg import sql

from chassis.ids import LANES
from chassis.testing.programs import run_directory
from chassis.testing.servers import PrivatePostgreSQL
from chassis.testing.supervisor import descendants
from chassis.topology import event_exchange, lane_key, lanes_of, ordered_queue, ordered_queues
from kill_checks import check_all, check_loop
from kill_load import Town, started_at, visits
from sixfold.parts import LOOP, SERVICES
from sixfold.stack import Stack

pytestmark = [pytest.mark.journey, pytest.mark.servers]
DEADLINE = 90.0
FOUND_SECONDS = 10.0  # the heads are asked for every two
LEAVE_SECONDS = 25.0
LADDER = "0.5,1,2,2"
WORKERS = [f"{service}.worker" for service in SERVICES]
CRASHES: list[Mapping[str, str]] = [
    {
        "commerce.relay": "order_process.before_commit:3",
        "commerce.worker": "commerce.on.identity.before_commit:2",
        "campaigns.worker": "campaigns.on.commerce.before_commit:2",
        "listening.relay": "channel.sent:2",
        "loop": "loop.on.commerce.before_commit:2",
    },
    {
        "commerce.relay": "payment_provider.called:3",
        "identity.worker": "identity.on.listening.before_commit:2",
        "identity.relay": "publisher.confirmed",
        "listening.worker": "listening.on.commerce.before_commit:2",
        "loop": "loop.on.listening.before_commit:3",
    },
    {
        "commerce.relay": "publisher.confirmed:2",
        "listening.relay": "publisher.confirmed:2",
        "campaigns.relay": "publisher.confirmed",
        "campaigns.worker": "campaigns.on.commerce.handled:3",
    },
]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    busy = visits()
    directory = run_directory() / f"kill-{os.getpid()}"
    told = {"RETRY_SECONDS": LADDER}
    with Stack(directory, database="postgresql", start_at=started_at(busy), told=told) as stack:
        yield Town(stack, busy)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> float:
    """Wait until something holds and return how long that took; fail after the deadline."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() < begun + seconds, f"did not happen in {seconds} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - begun


def crash(town: Town, points: Mapping[str, str]) -> None:
    """Let processes kill themselves at named points of their work, then start them again."""
    stack = town.stack
    for name, point in points.items():
        stack.kill(name)
        stack.start_part(name, CRASH_AT=point)
    waiting = dict(points)

    def all_came_back() -> bool:
        town.check_customers()
        for name in [name for name in waiting if not stack.running(name)]:
            stack.start_part(name)
            del waiting[name]
        return not waiting

    wait_for(all_came_back, f"every process reaches its point of {points}")


def seeded() -> random.Random:
    """Return the chance of this run; ``KILL_SEED`` repeats one."""
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(10**6))
    sys.stdout.write(f"KILL_SEED={seed}\n")
    return random.Random(seed)  # noqa: S311  # a seed that can be repeated, not a secret


def test_any_process_may_be_killed(town: Town) -> None:
    """An order would hang, or goods, money or a message be lost or moved twice."""
    stack, chance = town.stack, seeded()
    with town.busy():
        for name in chance.sample(sorted(stack.parts), len(stack.parts)):
            time.sleep(chance.uniform(0.1, 0.8))  # the moment itself is drawn
            stack.kill(name)
            stack.start_part(name)
        for points in CRASHES:
            crash(town, points)
    town.rest()
    stack.kill("commerce.relay")
    stack.start_part("commerce.relay", CRASH_AT="timer.before_commit:2")
    town.let_time_pass()
    wait_for(lambda: not stack.running("commerce.relay"), "a timer is about to fire")
    stack.start_part("commerce.relay")

    town.finish()

    assert town.placed > 40
    check_all(town)


def test_broker_and_database_may_go_and_come_back(town: Town) -> None:
    """After an outage of a server somebody would have to repair or restart something."""
    stack = town.stack
    with town.busy():
        before = town.placed
        stack.broker.kill()
        wait_for(lambda: town.placed >= before + 3, "orders are taken without a broker")
        stack.broker.start()
        assert isinstance(stack.postgresql, PrivatePostgreSQL)
        stack.postgresql.restart()
        before = town.placed
        wait_for(lambda: town.placed >= before + 3, "orders are taken again")

    town.finish()

    check_all(town)
    assert all(stack.running(name) for name in stack.parts)


def readers(town: Town, service: str) -> dict[str, dict[str, int]]:
    """Return how far each reader of a service has come."""
    found: dict[str, dict[str, int]] = town.clients[service].get("/internal/v1/progress")["readers"]
    return found


def lanes(town: Town, service: str) -> dict[str, int]:
    """Return the heads of a service's lanes."""
    found: dict[str, int] = town.clients[service].get("/internal/v1/progress")["lanes"]
    return found


def published(town: Town, service: str) -> bool:
    """Say whether the bus has everything that a service recorded."""
    its = town.clients[service].get("/internal/v1/progress")
    return bool(its["unplaced"] == 0 and its["readers"]["publisher"]["-1"] == its["position"])


def has_read(town: Town, consumer: str, source: str) -> bool:
    """Say whether a subscription has come as far as its producer's log."""
    known = readers(town, consumer)[f"{consumer}.on.{source}"]
    return all(known.get(lane) == head for lane, head in lanes(town, source).items())


def test_a_lost_message_is_found_without_a_next_one(town: Town) -> None:
    """What a queue lost last would never be seen by its consumer."""
    stack = town.stack
    uri = stack.addresses.amqp_uri
    stack.kill("campaigns.worker")
    town.order(town.clients, 10_001)
    wait_for(lambda: published(town, "commerce"), "the order is on the bus")
    with Connection(uri) as broker, broker.channel() as channel:
        queues = ordered_queues("campaigns", "commerce")
        wait_for(lambda: sum(queue(channel).purge() for queue in queues) > 0, "messages deleted")
    stack.start_part("campaigns.worker")
    stack.wait_ready("campaigns.worker")
    wait_for(lambda: has_read(town, "campaigns", "commerce"), "found at the start", FOUND_SECONDS)

    with Connection(uri) as broker, broker.channel() as channel:
        bind(channel, "queue_unbind")
        town.order(town.clients, 10_003)
        wait_for(lambda: published(town, "commerce"), "the order is on the bus")
        took = wait_for(
            lambda: has_read(town, "campaigns", "commerce"), "found by looking", FOUND_SECONDS
        )
        bind(channel, "queue_bind")
    sys.stdout.write(f"a message that never came was found after {took:.1f} s\n")
    town.finish()
    check_loop(town)


def bind(channel: Any, method: str) -> None:
    """Bind campaigns' queues to commerce's lanes, or take the bindings away."""
    for share in range(4):
        queue = ordered_queue("campaigns", "commerce", share).name
        for lane in lanes_of(share):
            getattr(channel, method)(queue, event_exchange("commerce").name, lane_key(lane))
    assert sum(len(lanes_of(share)) for share in range(4)) == LANES


def problem(town: Town, service: str) -> str:
    """Return why a process says that it is not ready."""
    answer = httpx.get(town.stack.addresses.urls[service] + "/readyz", timeout=10)
    by_name = {check["name"]: check["problem"] for check in answer.json()["checks"]}
    assert answer.is_success == (not any(by_name.values()))
    return by_name["logs continue"] or ""


def said(stack: Stack, part: str) -> str:
    """Return the log of a process."""
    return (stack.directory / "logs" / part / "server.log").read_text()


class Copied:
    """A database, and its copy from an earlier time."""

    def __init__(self, server: PrivatePostgreSQL, name: str) -> None:
        self._server = server
        self._name = sql.Identifier(name)
        self._copy = sql.Identifier(f"{name}_before")

    def take(self) -> None:
        """Copy the database as it is."""
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(self._copy, self._name))

    def restore(self) -> None:
        """Put the copy in the database's place."""
        self._run(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(self._name))
        self._run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(self._copy, self._name))

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._server.dsn(), autocommit=True) as db:
            db.execute(statement)


def test_a_log_restored_from_an_older_copy_stops_its_consumers(town: Town) -> None:
    """Facts that a restore lost would be replaced by others without anybody noticing."""
    stack, parts = town.stack, ("commerce.worker", "commerce.relay")
    assert isinstance(stack.postgresql, PrivatePostgreSQL)
    copied = Copied(stack.postgresql, "commerce")
    stop(stack, parts)
    copied.take()
    start(stack, parts)
    for number in range(20_001, 20_021, 2):
        town.order(town.clients, number)
    town.rest()
    consumers = ("identity", "listening", "campaigns", LOOP)
    before = {name: readers(town, name)[f"{name}.on.commerce"] for name in consumers}

    stop(stack, parts)
    copied.restore()
    start(stack, parts)
    for number in range(30_001, 30_021, 2):
        town.order(town.clients, number)
    wait_for(lambda: published(town, "commerce"), "the fork is on the bus")

    for name in consumers:
        wait_for(lambda name=name: f"{name}.on.commerce" in problem(town, name), f"{name} alarmed")
        log = said(stack, LOOP if name == LOOP else f"{name}.worker")
        assert "subscription.alarm" in log
    town.mention(town.clients, 40_000)
    wait_for(lambda: has_read(town, "identity", "listening"), "others go on")
    wait_for(lambda: has_read(town, "campaigns", "identity"), "others go on")
    assert before == {name: readers(town, name)[f"{name}.on.commerce"] for name in consumers}
    assert problem(town, "commerce") == ""


def stop(stack: Stack, parts: tuple[str, ...]) -> None:
    """Kill processes."""
    for name in parts:
        stack.kill(name)


def start(stack: Stack, parts: tuple[str, ...]) -> None:
    """Start processes and wait until they answer."""
    for name in parts:
        stack.start_part(name)
    for name in parts:
        stack.wait_ready(name)


def test_a_worker_leaves_in_time_without_a_broker(town: Town) -> None:
    """A deployment during an outage would hang until somebody kills the processes."""
    stack = town.stack
    stack.broker.kill()
    begun = time.monotonic()
    for name in WORKERS:
        os.kill(process_of(stack, name), signal.SIGTERM)
    for name in WORKERS:
        supervisor = stack._nodes[name].process
        assert supervisor is not None
        assert supervisor.wait(LEAVE_SECONDS) == 0, said(stack, name)[-2000:]
    sys.stdout.write(f"the last worker left after {time.monotonic() - begun:.1f} s\n")


def process_of(stack: Stack, name: str) -> int:
    """Return the id of a part's own process, below the one that looks after it."""
    supervisor = stack._nodes[name].process
    assert supervisor is not None
    return descendants(supervisor.pid)[0]


def test_nothing_personal_is_in_what_they_said(town: Town) -> None:
    """What failed above would have put a customer's name or words into a log."""
    texts = [path.read_text() for path in Path(town.stack.directory / "logs").rglob("server.log")]
    assert texts
    assert not [text for text in texts if "Somebody" in text or "Lantern Tea is great" in text]
