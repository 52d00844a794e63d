"""What happens when consumers cannot keep up: memory, producers and pages stay as they are.

``BACKLOG=1000000`` makes the backlog larger than the usual run has time for.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from kombu.connection import Connection
from sqlalchemy import text

from bus_service import Greeted, registry
from chassis.broker import Broker
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.intake import PREFETCH
from chassis.log import Append, Draft
from chassis.outgoing import to_broker
from chassis.privacy import MemoryKeys
from chassis.publisher import Publisher
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.servers import PrivateRabbitMQ
from chassis.testing.web import Tokens
from chassis.topology import ordered_queues
from listener.service import SLOW
from service_process import Place, Process, wait_for

pytestmark = pytest.mark.servers
BACKLOG = int(os.environ.get("BACKLOG", "20000"))
A_STREAM = 100
GROWTH_MIB = 30
PRODUCERS_PART = 0.5
ROUNDS = 7


@pytest.fixture
def greeter(tmp_path: Path, amqp_uri: str) -> Place:
    return Place("greeter", tmp_path, amqp_uri, Tokens(tmp_path))


@pytest.fixture
def listener(tmp_path: Path, amqp_uri: str, greeter: Place, postgresql_url: str) -> Place:
    feeds, url = f"greeter={greeter.address}", postgresql_url.replace("+psycopg:", "+psycopg2:")
    return Place("listener", tmp_path, amqp_uri, greeter.tokens, feeds=feeds, database_url=url)


@pytest.fixture
def producer(greeter: Place, amqp_uri: str) -> Iterator[Storage]:
    """Give the producer's log, whose consumer's queues are there already."""
    with Connection(amqp_uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("listener", "greeter"):
            queue(channel).declare()
    storage = Storage(
        service="greeter", database=Database(greeter.database.url), registry=registry,
        keys=MemoryKeys(), clock=FixedClock(NOW), secret=SECRET,
    )  # fmt: skip
    yield storage
    storage.database.close()


def record(producer: Storage, kind: str, count: int, prefix: str = "s") -> None:
    """Record many events, a hundred in each stream."""
    draft = Draft(type=kind, schema_version=1, subjects=(), data=b'{"number": 1}')
    for first in range(0, count, 20 * A_STREAM):
        streams = range(first // A_STREAM, min(first + 20 * A_STREAM, count) // A_STREAM)
        appends = [
            Append(stream=f"{prefix}{at}", expected_version=0, drafts=[draft] * A_STREAM)
            for at in streams
        ]
        with producer.database.begin() as db:
            producer.log(db).append(context(), appends, recorded_at=NOW)


def publish(producer: Storage, amqp_uri: str) -> None:
    with Publisher(
        "greeter", producer.database, to_broker(Broker.at(amqp_uri), "greeter")
    ) as publisher:
        while publisher.step():
            pass


def resident_mib(process: Process) -> float:
    """Return how much memory a process really has."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def seen(listener: Place) -> int:
    return int(listener.database.glance("SELECT count(*) FROM seen")[0])


@pytest.mark.parametrize("way", ["queue", "feed"])
def test_a_long_backlog_needs_no_more_memory_than_a_short_one(
    greeter: Place, listener: Place, producer: Storage, amqp_uri: str, way: str
) -> None:
    """A consumer that was away for a week would be killed for its memory when it comes back."""
    record(producer, "waved", BACKLOG)
    if way == "queue":
        publish(producer, amqp_uri)
    roles = ["worker"] if way == "feed" else []
    with greeter.running(*roles):
        if way == "feed":
            wait_for(lambda: greeter.answers("/healthz") is not None, "the producer answers")
        with listener.running("worker") as (worker,):
            wait_for(lambda: seen(listener) > BACKLOG // 10, "a tenth is handled")
            early, most = resident_mib(worker), 0.0
            while (handled := seen(listener)) < BACKLOG:
                most = max(most, resident_mib(worker))
                wait_for(lambda now=handled: seen(listener) > now, "more is handled")
            most = max(most, resident_mib(worker))
    assert most - early < GROWTH_MIB, f"{early:.0f} MiB became {most:.0f}"
    with listener.database.read() as db:
        together = db.scalar(text("SELECT avg(size) FROM seen"))
    assert float(together or 0) > A_STREAM, "the batch method got many at once"


def test_a_blocked_consumer_does_not_slow_the_producer(
    listener: Place, producer: Storage, amqp_uri: str, rabbitmq: PrivateRabbitMQ, tmp_path: Path
) -> None:
    """One service that hangs would bring the shop down with it."""
    hold = tmp_path / "hold"
    hold.touch()
    listener.settings["HOLD_FILE"] = str(hold)
    with listener.running("worker"):
        wait_for(lambda: prefetches(rabbitmq, amqp_uri) == [PREFETCH] * 4, "bounded prefetches")
        free = [produce(producer, amqp_uri, f"free{n}-") for n in range(ROUNDS)]
        wait_for(lambda: seen(listener) == ROUNDS * 2 * A_STREAM, "the consumer keeps up")
        with producer.begin(context()) as work:
            work.add("slow", [Greeted(number=SLOW)])

        blocked = [produce(producer, amqp_uri, f"blocked{n}-") for n in range(ROUNDS)]

        assert seen(listener) == ROUNDS * 2 * A_STREAM, "the consumer is blocked"
        assert median(free) / median(blocked) > PRODUCERS_PART
        hold.unlink()
        everything = 2 * ROUNDS * 2 * A_STREAM + 1
        wait_for(lambda: seen(listener) == everything, "the consumer catches up")


def produce(producer: Storage, amqp_uri: str, prefix: str) -> float:
    """Record and publish some events; return how many seconds that took."""
    began = time.monotonic()
    record(producer, "greeted", 2 * A_STREAM, prefix)
    publish(producer, amqp_uri)
    return time.monotonic() - began


def prefetches(rabbitmq: PrivateRabbitMQ, amqp_uri: str) -> list[int]:
    vhost = urlsplit(amqp_uri).path.lstrip("/")
    return [one["prefetch_count"] for one in rabbitmq.api("GET", f"/api/consumers/{vhost}")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How a page was answered."""

    status: int
    retry_after: str | None


def hold_a_connection(listener: Place, millis: int) -> Answer:
    headers = listener.tokens.bearer("greet")
    asked = Request(f"{listener.address}/v1/held/{millis}", headers=headers)  # noqa: S310  # our own address
    try:
        with urlopen(asked, timeout=60) as answer:  # noqa: S310  # as above
            return Answer(status=answer.status, retry_after=None)
    except HTTPError as error:
        return Answer(status=error.code, retry_after=error.headers.get("Retry-After"))


def at_once(listener: Place, millis: Sequence[int]) -> list[Answer]:
    with ThreadPoolExecutor(len(millis)) as pool:
        return list(pool.map(lambda each: hold_a_connection(listener, each), millis))


def test_without_a_free_database_connection_pages_say_when_to_come_again(
    greeter: Place, listener: Place, producer: Storage, amqp_uri: str
) -> None:
    """A rush of visitors would hang, see a defect, or stop what the service hears."""
    listener.settings |= {"POOL_SIZE": "1", "LEASE_SECONDS": "2", "FEED_POLL_SECONDS": "0.5"}
    with greeter.running("worker"), listener.running("worker") as (worker,):
        wait_for(lambda: listener.answers("/readyz") is not None, "the consumer is ready")
        with ThreadPoolExecutor(1) as rush:
            rushing: Any = rush.submit(at_once, listener, [9000] * 8)
            record(producer, "greeted", A_STREAM)
            publish(producer, amqp_uri)
            answers: list[Answer] = rushing.result()

        statuses = {answer.status for answer in answers}
        assert statuses == {HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE}, worker.said()
        refused = [one for one in answers if one.status == HTTPStatus.SERVICE_UNAVAILABLE]
        assert all(int(answer.retry_after or 0) > 0 for answer in refused)
        wait_for(lambda: seen(listener) == A_STREAM, "the subscription goes on")
        wait_for(lambda: listener.answers("/readyz") is not None, "it is ready again")
        assert hold_a_connection(listener, 1).status == HTTPStatus.OK
