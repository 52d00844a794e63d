"""The log on a real broker: published once confirmed, consumed once committed."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Self

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from bus_service import Listener, embedded, greet
from chassis.broker import Broker
from chassis.consumer import Consumer
from chassis.errors import Alarm
from chassis.leases import Shares
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.storage import Storage
from chassis.topology import event_exchange, lane_key, ordered_queues
from chassis.wire import headers_of

pytestmark = pytest.mark.servers
DEADLINE = 20.0
VISITS = 10


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"did not happen in {DEADLINE} s: {what}"
        threading.Event().wait(0.02)


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    yield storage
    storage.database.close()


@pytest.fixture
def listener(tmp_path: Path, producer: Storage) -> Iterator[Listener]:
    storage = embedded(tmp_path, "listener")
    yield Listener(storage, producer)
    storage.database.close()


class Running:
    """A consumer in a thread."""

    def __init__(self, listener: Listener, amqp_uri: str, shares: Shares | None = None) -> None:
        self.alarms: list[Alarm] = []
        self._stop = threading.Event()
        self._consumer = Consumer(
            listener.inbox,
            consumer="listener",
            source="greeter",
            broker=Broker.at(amqp_uri),
            stopped=self._stop.is_set,
            alarm=self.alarms.append,
            shares=shares,
        )
        self._thread = threading.Thread(target=self._consumer.run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive(), "the consumer did not stop"


def publish_all(producer: Storage, amqp_uri: str) -> int:
    """Publish what the log has and return how much it was."""
    total = 0
    with Publisher(
        "greeter", producer.database, to_broker(Broker.at(amqp_uri), "greeter")
    ) as publisher:
        while published := publisher.step():
            total += published
    return total


def test_what_is_recorded_arrives(producer: Storage, listener: Listener, amqp_uri: str) -> None:
    """An event reaches the other service's handler, once and in order."""
    for stream in "abcde":
        greet(producer, stream, range(10))

    with Running(listener, amqp_uri):
        assert publish_all(producer, amqp_uri) == 50
        wait_for(lambda: len(listener.numbers()) == 50, "fifty events handled")

    assert all(listener.numbers(stream) == list(range(10)) for stream in "abcde")


def test_a_new_consumer_gets_the_history(
    producer: Storage, listener: Listener, amqp_uri: str
) -> None:
    """A service that is added later is told everything from the first event on."""
    greet(producer, "a", range(30))
    publish_all(producer, amqp_uri)

    with Running(listener, amqp_uri):
        wait_for(lambda: listener.numbers() == list(range(30)), "the history handled")


def test_a_deleted_last_message_is_found_again(
    producer: Storage, listener: Listener, amqp_uri: str
) -> None:
    """Purging the queues of a quiet lane loses nothing."""
    greet(producer, "a", [1, 2])
    with Connection(amqp_uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("listener", "greeter"):
            queue(channel).declare()
        publish_all(producer, amqp_uri)
        assert sum(queue(channel).purge() for queue in ordered_queues("listener", "greeter")) == 2

    with Running(listener, amqp_uri):
        wait_for(lambda: listener.numbers() == [1, 2], "the purged events handled")


def test_publishing_twice_changes_nothing_for_the_consumer(
    producer: Storage, listener: Listener, amqp_uri: str
) -> None:
    """A publisher that died before its checkpoint repeats itself; consumers don't notice."""
    greet(producer, "a", range(20))
    publish_all(producer, amqp_uri)
    with producer.database.begin() as db:
        db.exec_driver_sql("DELETE FROM checkpoints")
    assert publish_all(producer, amqp_uri) == 20

    with Running(listener, amqp_uri):
        wait_for(lambda: len(listener.numbers()) >= 20, "twenty events handled")

    assert listener.numbers() == list(range(20))


def test_a_plain_queue_gets_the_event_by_its_name(producer: Storage, amqp_uri: str) -> None:
    """A partner with nothing but kombu reads id, tenant and data."""
    received: list[Any] = []
    queue = Queue("plain", exchange=event_exchange("greeter"), routing_key="greeted")
    with Connection(amqp_uri) as broker:
        with broker.channel() as channel:
            queue(channel).declare()
        greet(producer, "a", [7])
        publish_all(producer, amqp_uri)
        with broker.Consumer(
            queue, callbacks=[lambda body, message: received.append((body, message))]
        ):
            broker.drain_events(timeout=DEADLINE)

    ((body, message),) = received
    assert body == {"number": 7}
    assert message.headers["tenant"] == "acme"
    assert message.headers["ce-id"] == message.properties["message_id"]


def waiting(amqp_uri: str) -> int:
    """Return how many messages wait in the listener's queues, which it has left."""
    with Connection(amqp_uri) as broker:
        queues = [queue(broker.channel()) for queue in ordered_queues("listener", "greeter")]
        return sum(int(queue.queue_declare().message_count) for queue in queues)


def _all_taken(listener: Listener, amqp_uri: str) -> bool:
    """Say whether nothing waits any more after a visit of the listener."""
    with Running(listener, amqp_uri):
        wait_for(lambda: waiting(amqp_uri) == 0, "the messages taken")
    return waiting(amqp_uri) == 0


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="without headers"),
        pytest.param({"compression": "application/x-nobody-knows"}, id="compressed unknowably"),
        pytest.param({"subjects": "[" * 50_000}, id="nested too deep"),
    ],
)
def test_a_foreign_message_harms_nobody(
    producer: Storage, listener: Listener, amqp_uri: str, headers: Mapping[str, str]
) -> None:
    """Rubbish on a lane is set aside for good and real events go on."""
    greet(producer, "a", [1])
    with producer.system.read() as db:
        (event,) = producer.log(db).after(0, limit=1)
    whole = {**headers_of(event, "greeter"), **headers} if headers else {}
    with Connection(amqp_uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("listener", "greeter"):
            queue(channel).declare()
        broker.Producer().publish(
            {"rubbish": True},
            exchange=event_exchange("greeter"),
            routing_key=lane_key(event.lane),
            headers=whole,
        )
    publish_all(producer, amqp_uri)

    with Running(listener, amqp_uri) as running:
        wait_for(lambda: listener.numbers() == [1], "the real event handled")

    assert running.alarms == []
    # The event may have come from the feed first, with both messages still to be taken.
    assert any(_all_taken(listener, amqp_uri) for _ in range(VISITS))


class Held:
    """Shares that a test gives and takes away."""

    def __init__(self, *shares: int) -> None:
        self.wanted = frozenset(shares)
        self.used: AbstractSet[int] = frozenset()

    def use(self, shares: AbstractSet[int]) -> None:
        self.used = frozenset(shares)


def test_a_share_that_is_given_away_is_carried_on_by_another(
    producer: Storage, listener: Listener, amqp_uri: str
) -> None:
    """Messages that one worker had taken but not handled would wait until it ends."""
    other = Listener(listener.storage, producer)
    here, there = Held(0, 1, 2, 3), Held()
    with (
        Running(listener, amqp_uri, here),
        Running(other, amqp_uri, there),
    ):
        wait_for(lambda: here.used == {0, 1, 2, 3}, "one takes every queue")
        here.wanted, there.wanted = frozenset({0, 1}), frozenset({2, 3})
        for stream in "abcdefgh":
            greet(producer, stream, range(5))
        publish_all(producer, amqp_uri)
        wait_for(lambda: (here.used, there.used) == ({0, 1}, {2, 3}), "each takes its own")
        wait_for(lambda: len(listener.numbers()) == 40, "everything is handled")

    assert all(listener.numbers(stream) == list(range(5)) for stream in "abcdefgh")
    assert (here.used, there.used) == (set(), set()), "nothing is kept by who has left"
