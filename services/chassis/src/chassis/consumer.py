"""Bring messages from the broker to inboxes in batches; acknowledge only what is committed.

The loop is the same in a plain thread and in a greenthread: it only blocks on the socket.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import amqp
from kombu.connection import Connection as Broker
from kombu.messaging import Consumer as KombuConsumer

from chassis.envelope import Recorded
from chassis.errors import Alarm, Conflict, Unavailable
from chassis.inbox import OrderedInbox
from chassis.logs import get_logger
from chassis.telemetry import metrics, processing
from chassis.topology import ordered_queues
from chassis.wire import event_of

BATCH = 200
HEAD_SECONDS = 3.0
PAUSE_SECONDS = 1.0
DRAIN_SECONDS = 0.2
QUIET_SECONDS = 0.001  # nothing came for so long: the batch is whole
ANSWER_SECONDS = 10.0
_log = get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A message and the event in it."""

    message: Any
    event: Recorded


class Consumer:
    """Consumes the queues of one subscription until told to stop.

    Args:
        stopped: Says when to leave; looked at several times a second.
        alarm: Called once when the producer's log cannot be trusted; the loop then ends.
        head_seconds: How often the producer is asked for its lanes' heads.
        wait_seconds: How long a batch waits for more messages after its first.
    """

    def __init__(
        self,
        inbox: OrderedInbox,
        *,
        consumer: str,
        source: str,
        amqp_uri: str,
        stopped: Callable[[], bool],
        alarm: Callable[[Alarm], None],
        head_seconds: float = HEAD_SECONDS,
        wait_seconds: float = 0.0,
    ) -> None:
        self._inbox = inbox
        self._labels = {"subscription": inbox.name, "source": source}
        self._queues = ordered_queues(consumer, source)
        self._uri = amqp_uri
        self._stopped = stopped
        self._alarm = alarm
        self._taken: list[Taken] = []
        self._head_seconds = head_seconds
        self._wait_seconds = wait_seconds
        self._heads_due = 0.0

    def run(self) -> None:
        """Consume, reconnecting as often as needed, until stopped or alarmed.

        While the broker is away, or takes connections and is silent, the producer's log is
        read all the same.
        """
        try:
            while not self._stopped():
                # A forked log is noticed before the first message of the new fork is handled.
                self._patiently(self._look_around)
                self._patiently(self._connected)
        except Alarm as alarm:
            _log.error("subscription.alarm", subscription=self._inbox.name, reason=str(alarm))
            self._alarm(alarm)

    def _patiently(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Alarm:
            raise
        except (OSError, amqp.AMQPError, Conflict, Unavailable) as error:
            _log.warning("subscription.pause", subscription=self._inbox.name, reason=str(error))
            time.sleep(PAUSE_SECONDS)
        except Exception:  # noqa: BLE001  # said and tried again
            # A defect must not end the subscription silently: it is said, and tried again.
            _log.exception("subscription.failed", subscription=self._inbox.name)
            time.sleep(PAUSE_SECONDS)

    def _connected(self) -> None:
        self._taken.clear()
        with Broker(self._uri, heartbeat=30, connect_timeout=5) as broker, ExitStack() as opened:
            with broker.connection.transport.having_timeout(ANSWER_SECONDS):
                opened.enter_context(self._consuming(broker.channel()))
            while not self._stopped():
                self._turn(broker)

    def _consuming(self, channel: Any) -> KombuConsumer:
        return KombuConsumer(
            channel,
            self._queues,
            on_message=self._take,
            prefetch_count=2 * BATCH,
            accept=["application/json"],
        )

    def _turn(self, broker: Broker) -> None:
        self._drain(broker)
        if self._taken:
            self._handle(self._taken[:BATCH])
            del self._taken[:BATCH]
        self._look_around()

    def _look_around(self) -> None:
        self._inbox.retry_due()
        if time.monotonic() >= self._heads_due:
            with suppress(Unavailable):  # the producer is away; its messages may still come
                self._inbox.check_heads()
                metrics.record(metrics.SUBSCRIPTION_LAG, self._inbox.lag, **self._labels)
            self._heads_due = time.monotonic() + self._head_seconds

    def _drain(self, broker: Broker) -> None:
        with suppress(TimeoutError, BlockingIOError):
            if not self._taken:
                broker.drain_events(timeout=DRAIN_SECONDS)
            until = time.monotonic() + self._wait_seconds
            while len(self._taken) < BATCH:
                broker.drain_events(timeout=max(until - time.monotonic(), QUIET_SECONDS))
        broker.heartbeat_check()

    def _take(self, message: Any) -> None:
        try:
            event = event_of(message.headers, raw_body(message))
        except ValueError as error:
            _log.error("subscription.not_ours", queue=self._inbox.name, reason=str(error))
            message.ack()  # nobody's event: the log does not know it, so nothing is lost
            return
        self._taken.append(Taken(message=message, event=event))

    def _handle(self, batch: Sequence[Taken]) -> None:
        events = [taken.event for taken in batch]
        sources = [event.traceparent for event in events]
        with (
            metrics.timed(metrics.HANDLE_SECONDS, **self._labels),
            processing(self._inbox.name, sources, count=len(events)),
        ):
            self._inbox.receive(events)
        for taken in batch:
            taken.message.ack()


def raw_body(message: Any) -> bytes:
    """Return a message's bytes exactly as they were sent; the chain is over them."""
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)
