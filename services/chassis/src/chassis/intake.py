"""The open queues of one subscription on one broker connection: a channel for each share."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from amqp.transport import TCPTransport
from kombu.messaging import Consumer as KombuConsumer

from chassis.envelope import Recorded
from chassis.logs import get_logger
from chassis.topology import ensure_queue, ordered_queue
from chassis.wire import event_of

PREFETCH = 400  # messages of each share that wait in this process, at most
AHEAD = 16_384  # bytes
_log = get_logger(__name__)


class Message(Protocol):
    """What brought an event here."""

    def ack(self) -> None:
        """Say that its event is handled for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """A message and the event in it."""

    message: Message
    event: Recorded


@dataclass(slots=True, eq=False)
class Channel:
    """One share's queue; what it delivered and was not acknowledged comes again once it closes."""

    share: int
    consumer: Any
    settled: int = 0
    acknowledged: int = 0

    def settle(self) -> None:
        """Acknowledge, in one frame, everything up to the last message that is done."""
        if self.settled > self.acknowledged:
            self.consumer.channel.basic_ack(self.settled, multiple=True)
            self.acknowledged = self.settled


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message of a channel; messages are done in the order in which they came."""

    channel: Channel
    tag: int

    def ack(self) -> None:
        """Let the channel's next acknowledgement cover this message."""
        self.channel.settled = max(self.channel.settled, self.tag)


@dataclass(slots=True)
class Intake:
    """Takes messages from the queues of some shares, in order, and no more than it may hold.

    Args:
        broker: An open connection.
    """

    broker: Any
    consumer: str
    source: str
    waiting: list[Taken] = field(default_factory=list)
    _channels: dict[int, Channel] = field(default_factory=dict)

    @property
    def shares(self) -> AbstractSet[int]:
        """The shares whose queues are open."""
        return self._channels.keys()

    def follow(self, wanted: AbstractSet[int]) -> bool:
        """Open and close queues until exactly the wanted ones are open; says if any changed.

        Raises:
            OSError, amqp.AMQPError: the connection broke.
        """
        gone, new = self.shares - wanted, wanted - self.shares
        for share in sorted(gone):
            self._close(share)
        for share in sorted(new):
            self._open(share)
        return bool(gone or new)

    def batch(self, limit: int) -> Sequence[Taken]:
        """Remove and return the oldest messages."""
        batch, self.waiting = self.waiting[:limit], self.waiting[limit:]
        return batch

    def settle(self) -> None:
        """Acknowledge what is done; raises OSError, amqp.AMQPError."""
        for channel in self._channels.values():
            channel.settle()

    def _open(self, share: int) -> None:
        channel = Channel(share=share, consumer=None)
        queue = ordered_queue(self.consumer, self.source, share)
        channel.consumer = KombuConsumer(
            ensure_queue(self.broker, queue),
            [queue],
            auto_declare=False,
            on_message=partial(self._take, channel),
            on_decode_error=partial(self._refuse, channel),
            prefetch_count=PREFETCH,
            accept=["application/json"],
        )
        self._channels[share] = channel
        channel.consumer.consume()

    def _close(self, share: int) -> None:
        closed = self._channels.pop(share)
        closed.consumer.cancel()  # or the broker would go on delivering while it closes
        closed.consumer.channel.close()
        self.waiting = [taken for taken in self.waiting if taken.message.channel is not closed]  # type: ignore[attr-defined]  # ours

    def _take(self, channel: Channel, message: Any) -> None:
        delivered = Delivered(channel, message.delivery_tag)
        try:
            event = event_of(message.headers, raw_body(message))
        except ValueError as error:
            self._refuse(channel, message, error)
            return
        self.waiting.append(Taken(message=delivered, event=event))

    def _refuse(self, channel: Channel, message: Any, error: Exception) -> None:
        _log.error("subscription.not_ours", share=channel.share, reason=str(error))
        message.ack()  # nobody's event: the log does not know it, so nothing is lost


def read_ahead(transport: Any) -> None:
    """Let a connection take what has arrived in few calls of the operating system.

    amqp asks it nine times for each message, for as many bytes as each part has; what is more
    than it asked for it keeps by itself.
    """
    if isinstance(transport, TCPTransport):
        receive = transport.sock.recv
        transport._quick_recv = lambda size: receive(max(size, AHEAD))  # noqa: SLF001  # no public way


def raw_body(message: Any) -> bytes:
    """Return a message's bytes exactly as they were sent; the chain is over them."""
    body = message.body
    return body.encode() if isinstance(body, str) else bytes(body)
