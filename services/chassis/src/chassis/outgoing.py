"""Hand events to the broker by the hundred, and know when it has them.

py-amqp opens the connection and reads what the broker answers; the messages are encoded here
and written many at a time.  A broker that wants no messages for now (its disk or memory is
short) is waited for on the open connection.
"""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import amqp

from chassis.broker import Broker
from chassis.confirms import Confirms
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.framing import Framing
from chassis.logs import get_logger
from chassis.telemetry import metrics
from chassis.topology import ensure_exchange, event_exchange, lane_key
from chassis.wire import headers_of

HEARTBEAT_SECONDS = 10
ANSWER_SECONDS = 10.0  # without an answer for so long, or a sign of life, the broker is away
CONFIRM_SECONDS = 30.0
TICK_SECONDS = 0.5
WRITE_BYTES = 1 << 18
_log = get_logger(__name__)


class Outgoing(Protocol):
    """Where a publisher's events go."""

    def send(self, events: Sequence[Recorded]) -> None:
        """Hand events over, in order, without waiting until they are safe.

        Raises:
            Unavailable: the broker does not take them; nothing since the last ``settle`` counts.
        """

    def settle(self) -> None:
        """Wait until everything that was sent is safe.

        Raises:
            Unavailable: something is not, or nobody knows; send it again, on a new one of these.
        """

    @property
    def outdated(self) -> bool:
        """Whether it shows credentials to the broker that were renewed since."""

    def close(self) -> None:
        """Give the connection back; safe to call when it is broken."""


def to_broker(broker: Broker, service: str) -> Callable[[], Outgoing]:
    """Return what connects to a broker, to publish one service's events."""
    return lambda: AmqpOutgoing(broker, service)


class AmqpOutgoing:
    """A channel on which many messages wait for their confirms together.

    Args:
        broker: The broker.
        service: Whose events these are; they go to its exchange.

    Raises:
        Unavailable: the broker does not answer.
    """

    def __init__(self, broker: Broker, service: str) -> None:
        self._service = service
        self._to, self._marks = broker, broker.marks
        self._broker: Any = None
        self._confirms = Confirms()
        self._refused = self._blocked = False
        with translated(self.close):
            self._framing = self._opened()
        self._note(blocked=False)

    def send(self, events: Sequence[Recorded]) -> None:
        """Write events to the broker's socket; while it is full, listen."""
        with translated(self.close):
            self._confirms.sent(len(events))
            for piece in _pieces(map(self._encoded, events)):
                self._write(piece)
                self._hear(0)

    def settle(self) -> None:
        """Wait for every confirm, with patience for a broker that says that it is blocked."""
        with translated(self.close):
            self._hear(0)
            patience = Patience(CONFIRM_SECONDS)
            while left := self._confirms.outstanding:
                patience.look(self._sign(left))
                self._live()
                self._hear(TICK_SECONDS)
            self._live()
        if self._refused:
            raise Unavailable("the broker refused a message")

    @property
    def outdated(self) -> bool:
        """Whether credentials or certificates were renewed since this was opened."""
        return self._to.marks != self._marks

    def close(self) -> None:
        """Close the connection without waiting for a peer that may be gone."""
        self._note(blocked=False)
        if self._broker is not None:
            self._broker.collect(socket_timeout=1)

    def _opened(self) -> Framing:
        self._broker = self._to.connected(
            heartbeat=HEARTBEAT_SECONDS,
            transport_options={
                "on_blocked": self._on_blocked,
                "on_unblocked": self._on_unblocked,
                # py-amqp's one second would cut the connection to a broker that is only full.
                "socket_settings": {socket.TCP_USER_TIMEOUT: 0},
            },
        )
        connection = self._connection = self._broker.connection
        connection.transport.sock.settimeout(ANSWER_SECONDS)  # of whatever names no other time
        channel = ensure_exchange(self._broker, self._service)
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        return Framing(
            channel=channel.channel_id,
            exchange=event_exchange(self._service).name,
            frame_max=connection.frame_max,
        )

    def _encoded(self, event: Recorded) -> bytes:
        headers = headers_of(event, self._service)
        # CC routes it to its lane as well, for ordered subscriptions.
        headers["CC"] = [lane_key(event.lane)]
        return self._framing.published(
            key=event.type, headers=headers, message_id=headers["ce-id"], body=event.data
        )

    def _write(self, piece: bytes) -> None:
        rest, patience = memoryview(piece), Patience(CONFIRM_SECONDS)
        while rest:
            try:
                with self._connection.transport.having_timeout(TICK_SECONDS) as sock:
                    rest = rest[sock.send(rest) :]
            except TimeoutError:
                # No heartbeat of ours until the piece is through: it would stand inside a frame.
                self._hear(0)
                patience.look(self._sign(len(rest)))
        self._connection.bytes_sent += 1  # a heartbeat is due only when nothing was written

    def _live(self) -> None:
        """Send a heartbeat if one is due, and miss the broker's."""
        if not self._blocked:  # it would not read it, and does not miss it
            self._broker.heartbeat_check()

    def _sign(self, left: int) -> object:
        """Return what changes as long as waiting makes sense.

        A broker that is blocked may take as long as it needs, while its heartbeats come.
        """
        return self._connection.bytes_recv if self._blocked else left

    def _hear(self, seconds: float) -> None:
        """Read what the broker has said, waiting for the first of it for ``seconds`` at most."""
        while (frame := self._frame(seconds)) is not None:
            self._connection.on_inbound_frame(frame)
            seconds = 0

    def _frame(self, seconds: float) -> Any:
        try:
            with self._connection.transport.having_timeout(seconds):
                return self._connection.transport.read_frame()
        except TimeoutError:
            return None

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  # amqp calls it by position
        self._confirms.confirm(tag, multiple=multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  # as above
        self._refused = True
        self._confirms.confirm(tag, multiple=multiple)

    def _on_blocked(self, reason: str) -> None:
        if not self._blocked:
            _log.warning("publisher.blocked", reason=reason)
        self._note(blocked=True)

    def _on_unblocked(self) -> None:
        _log.warning("publisher.unblocked")
        self._note(blocked=False)

    def _note(self, *, blocked: bool) -> None:
        self._blocked = blocked
        metrics.record(metrics.PUBLISHER_BLOCKED, int(blocked))


class Patience:
    """How long a wait may go on without a sign of progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sign: object = None
        self._until = time.monotonic() + seconds

    def look(self, sign: object) -> None:
        """Go on waiting if ``sign`` has changed lately.

        Raises:
            TimeoutError: it has been the same for too long.
        """
        now = time.monotonic()
        if sign != self._sign:
            self._sign, self._until = sign, now + self._seconds
        elif now > self._until:
            raise TimeoutError("the broker makes no progress")


@contextmanager
def translated(close: Callable[[], None]) -> Iterator[None]:
    """Turn a failing connection into ``Unavailable``, after closing what is left of it."""
    try:
        yield
    except (OSError, amqp.AMQPError) as error:
        close()
        raise Unavailable("the broker does not answer") from error


def _pieces(messages: Iterator[bytes]) -> Iterator[bytes]:
    """Join messages to pieces that are worth a write."""
    waiting: list[bytes] = []
    size = 0
    for message in messages:
        waiting.append(message)
        size += len(message)
        if size >= WRITE_BYTES:
            yield b"".join(waiting)
            waiting.clear()
            size = 0
    if waiting:
        yield b"".join(waiting)
