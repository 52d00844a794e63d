"""Carry a log to the bus: in order, confirmed by the hundred, resumed after the last confirm.

The log is the outbox.  A crash between a confirm and the checkpoint publishes events
twice; it never loses one.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import amqp
from kombu.connection import Connection as Broker

from chassis import checkpoints
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.faults import reach
from chassis.storage import has_news, log_on
from chassis.telemetry import metrics, publishing
from chassis.topology import event_exchange, lane_key
from chassis.wire import headers_of

NAME = "publisher"
BATCH = 500
CONFIRM_SECONDS = 30
PERSISTENT = 2


class Publisher(AbstractContextManager["Publisher"]):
    """The one publisher of a service's log."""

    def __init__(self, service: str, database: Database, amqp_uri: str) -> None:
        self._service = service
        self._database = database
        self._uri = amqp_uri
        self._channel: ConfirmedChannel | None = None

    def step(self) -> int:
        """Publish the next batch and move the checkpoint.

        Returns:
            How many events were published; 0 when none are left.

        Raises:
            Unavailable: broker or database do not answer; call again later.
        """
        if not has_news(self._database, NAME):
            return 0
        with self._database.read() as db:
            start = checkpoints.position(db, NAME)
            events = log_on(db).after(start, limit=BATCH)
        if not events:  # another relay was faster
            return 0
        self._publish(events)
        reach("publisher.confirmed")
        with self._database.begin() as db:
            checkpoints.move_whole(db, NAME, old=start, new=events[-1].position)
        metrics.record(metrics.PUBLISHED, len(events))
        return len(events)

    def close(self) -> None:
        """Drop the connection; safe to call when it is broken."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connection."""
        self.close()

    def _publish(self, events: Sequence[Recorded]) -> None:
        exchange = event_exchange(self._service).name
        try:
            with publishing(exchange, count=len(events)):
                self._confirmed().send(exchange, [message_of(e, self._service) for e in events])
        except (OSError, amqp.AMQPError) as error:
            self.close()
            raise Unavailable("the broker does not answer") from error

    def _confirmed(self) -> "ConfirmedChannel":
        if self._channel is None:
            self._channel = ConfirmedChannel(self._uri, self._service)
        return self._channel


class ConfirmedChannel:
    """A channel on which many messages wait for their confirms together."""

    def __init__(self, uri: str, service: str) -> None:
        self._connection = Broker(uri, connect_timeout=5)
        channel = self._connection.channel()
        event_exchange(service)(channel).declare()
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        self._channel = channel
        self._sent = 0
        self._open: set[int] = set()
        self._refused = False

    def send(self, exchange: str, messages: Sequence[tuple[amqp.Message, str]]) -> None:
        """Publish messages and wait until the broker has every one.

        Raises:
            Unavailable: the broker refused one.
            OSError, amqp.AMQPError: the connection broke or the confirms did not come in time.
        """
        self._refused = False
        for message, key in messages:
            self._sent += 1
            self._open.add(self._sent)
            self._channel._basic_publish(message, exchange, key)  # noqa: SLF001  # the public one waits for each confirm
        while self._open:
            self._connection.drain_events(timeout=CONFIRM_SECONDS)
        if self._refused:
            raise Unavailable("the broker refused a message")

    def close(self) -> None:
        """Close the connection without waiting for a peer that may be gone."""
        self._connection.collect(socket_timeout=1)

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001  # amqp calls it by position
        self._open -= {
            tag for tag in self._open if tag == delivery_tag or (multiple and tag < delivery_tag)
        }

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:  # noqa: FBT001  # as above
        self._refused = True
        self._on_ack(delivery_tag, multiple)


def message_of(event: Recorded, service: str) -> tuple[amqp.Message, str]:
    """Return the message of an event and its routing key.

    The ``CC`` header routes it to its lane as well, for ordered subscriptions.
    """
    headers: dict[str, Any] = headers_of(event, service)
    headers["CC"] = [lane_key(event.lane)]
    message = amqp.Message(
        event.data,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=PERSISTENT,
        message_id=str(event.id),
        application_headers=headers,
    )
    return message, event.type
