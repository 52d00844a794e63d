"""A partner's queue on the bus: shows what was published, and can publish it again."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import amqp
from kombu.connection import Connection as Broker
from kombu.entity import Queue, binding
from kombu.messaging import Consumer

from chassis.topology import event_exchange

LOOK_SECONDS = 0.3
PAUSE_SECONDS = 0.3
PREFETCH = 500
Message = tuple[amqp.Message, str]


class Witness:
    """Writes down every event of one service that reaches the bus.

    Args:
        service: Whose.
        uri: The broker itself, not a proxy before it.
    """

    def __init__(self, service: str, uri: str) -> None:
        self.service = service
        self.seen: dict[int, Message] = {}
        self._uri = uri
        self._exchange = event_exchange(service)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.ready = threading.Event()

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Leave."""
        self._enough.set()
        self._thread.join()

    def missing(self, head: int, seconds: float) -> list[int]:
        """Return which positions up to ``head`` never came, after waiting for them a while."""
        deadline = time.monotonic() + seconds
        while missing := [at for at in range(1, head + 1) if at not in self.seen]:
            if time.monotonic() > deadline:
                break
            time.sleep(PAUSE_SECONDS)
        return missing

    def publish_again(self, positions: Sequence[int]) -> int:
        """Publish events again as they came, in the order that is given; return how many."""
        known = [self.seen[at] for at in positions if at in self.seen]
        with connected(self._uri) as broker:
            channel = broker.channel()
            for message, key in known:
                channel.basic_publish(message, self._exchange.name, key)
        return len(known)

    def _watch(self) -> None:
        while not self._enough.is_set():
            with suppress(OSError, amqp.AMQPError), connected(self._uri) as broker:
                self._consume(broker)
            self._enough.wait(PAUSE_SECONDS)

    def _consume(self, broker: Broker) -> None:
        queue = Queue(
            f"faultlab.{self.service}",
            bindings=[binding(self._exchange, routing_key="#")],
            durable=True,
            queue_arguments={"x-queue-type": "quorum"},
        )
        with Consumer(broker.channel(), [queue], on_message=self._note, prefetch_count=PREFETCH):
            self.ready.set()
            while not self._enough.is_set():
                with suppress(TimeoutError, BlockingIOError):
                    broker.drain_events(timeout=LOOK_SECONDS)

    def _note(self, message: Any) -> None:
        again = amqp.Message(
            message.body,
            **{name: value for name, value in message.properties.items() if name in _KEPT},
            application_headers=message.headers,
        )
        self.seen[message.headers["position"]] = (again, message.delivery_info["routing_key"])
        message.ack()


_KEPT = ("content_type", "content_encoding", "delivery_mode", "message_id")


@contextmanager
def connected(uri: str) -> Iterator[Broker]:
    """Open a connection of the lab's own, and drop it however the block ends."""
    broker = Broker(uri, connect_timeout=5, heartbeat=0)
    try:
        broker.connect()
        yield broker
    finally:
        broker.collect(socket_timeout=1)
