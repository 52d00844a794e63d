"""Bring messages from the broker to inboxes in batches; acknowledge only what is committed.

The loop is the same in a plain thread and in a greenthread: it only blocks on the socket.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import amqp
from kombu.connection import Connection

from chassis.broker import Broker
from chassis.errors import Alarm, Conflict, Unavailable
from chassis.faults import reach
from chassis.inbox import OrderedInbox
from chassis.intake import Intake, Taken, read_ahead
from chassis.leases import EveryShare, Shares
from chassis.logs import get_logger
from chassis.telemetry import metrics, processing
from chassis.topology import lanes_of, source_of

__all__ = ["BATCH", "HEAD_SECONDS", "Consumer", "Taken", "take"]

BATCH = 400
HEAD_SECONDS = 3.0
PAUSE_SECONDS = 1.0
DRAIN_SECONDS = 0.2
QUIET_SECONDS = 0.001  # nothing came for so long: the batch is whole
ANSWER_SECONDS = 10.0
_log = get_logger(__name__)


def take(inbox: OrderedInbox, batch: Sequence[Taken]) -> None:
    """Handle a batch of messages, then acknowledge them: never the other way round.

    Raises:
        Alarm: the producer's log was tampered with or forked.
        Unavailable, Conflict: nothing was handled for good; nothing is acknowledged.
    """
    events = [taken.event for taken in batch]
    labels = {"subscription": inbox.name, "source": source_of(inbox.name)}
    with (
        metrics.timed(metrics.HANDLE_SECONDS, **labels),
        processing(inbox.name, [event.traceparent for event in events], count=len(events)),
    ):
        inbox.receive(events)
    reach(f"{inbox.name}.committed")
    for taken in batch:
        taken.message.ack()


class Consumer:
    """Consumes the queues of one subscription until told to stop.

    Args:
        stopped: Says when to leave; looked at several times a second.
        alarm: Called once when the producer's log cannot be trusted; the loop then ends.
        head_seconds: How often the producer is asked for its lanes' heads.
        wait_seconds: How long a batch waits for more messages after its first.
        shares: Which of the queues are its own; they may change at any time.
    """

    def __init__(
        self,
        inbox: OrderedInbox,
        *,
        consumer: str,
        source: str,
        broker: Broker,
        stopped: Callable[[], bool],
        alarm: Callable[[Alarm], None],
        head_seconds: float = HEAD_SECONDS,
        wait_seconds: float = 0.0,
        shares: Shares | None = None,
    ) -> None:
        self._inbox = inbox
        self._consumer, self._source = consumer, source
        self._broker = broker
        self._stopped = stopped
        self._alarm = alarm
        self._shares = shares or EveryShare()
        self._head_seconds = head_seconds
        self._wait_seconds = wait_seconds
        self._heads_due = 0.0
        self._unknown_for = ""  # said once, not every few seconds of an outage
        inbox.goes_on = self._goes_on

    def run(self) -> None:
        """Consume, reconnecting as often as needed, until stopped or alarmed.

        While the broker is away, or takes connections and is silent, the producer's log is
        read all the same.
        """
        metrics.record(metrics.READER_STOPPED, 0, reader=self._inbox.name)
        try:
            while not self._stopped():
                # A forked log is noticed before the first message of the new fork is handled.
                self._patiently(self._look_around)
                self._patiently(self._connected)
        except Alarm as alarm:
            metrics.record(metrics.READER_STOPPED, 1, reader=self._inbox.name)
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
        marks = self._broker.marks
        with self._broker.connected(heartbeat=30) as broker:
            read_ahead(broker.connection.transport)
            intake = Intake(broker, self._consumer, self._source)
            try:
                # With renewed credentials a connection that showed the old ones is given up.
                while not self._stopped() and self._broker.marks == marks:
                    self._turn(broker, intake)
            finally:
                self._shares.use(frozenset())

    def _turn(self, broker: Connection, intake: Intake) -> None:
        self._follow(broker, intake)
        self._drain(broker, intake)
        batch = intake.batch(BATCH)
        if batch:
            take(self._inbox, batch)
            intake.settle()
        self._look_around()

    def _follow(self, broker: Connection, intake: Intake) -> None:
        """Open the queues that are ours now, and let go of those that are not any more."""
        wanted = self._shares.wanted
        if wanted == intake.shares:
            return
        # Said first: a share that is being opened must not be taken for one let go of.
        self._shares.use(wanted | intake.shares)
        with broker.connection.transport.having_timeout(ANSWER_SECONDS):
            intake.follow(wanted)
        self._shares.use(wanted)

    def _look_around(self) -> None:
        self._watch(sorted(lane for share in self._shares.wanted for lane in lanes_of(share)))
        self._inbox.retry_due()
        if time.monotonic() >= self._heads_due:
            self._check_heads()
            self._heads_due = time.monotonic() + self._head_seconds

    def _check_heads(self) -> None:
        try:
            self._inbox.check_heads()
        except Unavailable as error:  # the producer is away; its messages may still come
            if str(error) != self._unknown_for:
                self._unknown_for = str(error)
                _log.warning(
                    "subscription.heads_unknown",
                    subscription=self._inbox.name,
                    reason=self._unknown_for,
                )
            return
        self._unknown_for = ""
        labels = {"subscription": self._inbox.name, "source": self._source}
        metrics.record(metrics.SUBSCRIPTION_LAG, self._inbox.lag, **labels)

    def _watch(self, lanes: Sequence[int]) -> None:
        if lanes != self._inbox.lanes:
            # What their last holder did not finish should not wait for the next look.
            self._inbox.lanes, self._heads_due = lanes, 0.0

    def _goes_on(self, lane: int) -> bool:
        """Say whether a long catch-up should read another page of a lane."""
        return not self._stopped() and any(lane in lanes_of(at) for at in self._shares.wanted)

    def _drain(self, broker: Connection, intake: Intake) -> None:
        with suppress(TimeoutError, BlockingIOError):
            if not intake.waiting:
                broker.drain_events(timeout=DRAIN_SECONDS)
            until = time.monotonic() + self._wait_seconds
            while len(intake.waiting) < BATCH:
                broker.drain_events(timeout=max(until - time.monotonic(), QUIET_SECONDS))
        broker.heartbeat_check()
