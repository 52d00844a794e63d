"""Messages reach a real broker: over TLS, of any length, and after it was full."""

import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from chassis.broker import Broker
from chassis.envelope import GENESIS, Recorded
from chassis.errors import Unavailable
from chassis.outgoing import AmqpOutgoing, Patience
from chassis.telemetry import setup
from chassis.testing.contexts import NOW
from chassis.testing.fixtures import started
from chassis.testing.secure_servers import SecureRabbitMQ
from chassis.topology import event_exchange
from chassis.wire import event_of
from service_process import wait_for

LONG = 300_000  # more than two frames


@pytest.fixture(scope="module")
def broker(server_directory: Path) -> Iterator[SecureRabbitMQ]:
    server = SecureRabbitMQ(server_directory / "rabbitmq-outgoing")
    yield started(server)
    server.close()


def way_to(server: SecureRabbitMQ, uri: str, *, secure: bool) -> Broker:
    """Return the way to a virtual host, encrypted or not."""
    if not secure:
        return Broker.at(uri)
    secured = server.secure_uri(uri.rpartition("/")[2])
    return Broker(lambda: secured, ca=server.authority.certificate)


def event(position: int, data: bytes = b'{"n":1}') -> Recorded:
    return Recorded(
        id=uuid4(), tenant="acme", stream=f"thing-{position}", version=1, type="thing_happened",
        schema_version=1, lane=position % 16, occurred_at=NOW, recorded_at=NOW, actor="tester",
        command_id=uuid4(), correlation_id=uuid4(), causation_id=uuid4(), traceparent=None,
        subjects=(), data=data, position=position, prev=position - 1, chain=GENESIS,
    )  # fmt: skip


def keep_everything(uri: str) -> Queue:
    queue = Queue(
        "kept", event_exchange("greeter"), "#", queue_arguments={"x-queue-type": "quorum"}
    )
    with Connection(uri) as connection:
        queue(connection.channel()).declare()
    return queue


def kept(uri: str, queue: Queue) -> list[Recorded]:
    found: list[Recorded] = []
    with Connection(uri, ssl=False) as connection, connection.channel() as channel:
        while (message := queue(channel).get(no_ack=True)) is not None:
            body = message.body.encode() if isinstance(message.body, str) else message.body
            found.append(event_of(message.headers, body))
    return found


@pytest.mark.servers
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_events_of_any_length_arrive_in_order(broker: SecureRabbitMQ, *, secure: bool) -> None:
    """A long event breaks neither itself nor its neighbours, encrypted or not."""
    uri = broker.vhost(f"lengths_{secure}")
    queue = keep_everything(uri)
    sent = [event(n, b"x" * (LONG if n % 100 == 0 else n)) for n in range(1, 301)]
    outgoing = AmqpOutgoing(way_to(broker, uri, secure=secure), "greeter")
    for first in range(0, 300, 50):
        outgoing.send(sent[first : first + 50])
    outgoing.settle()
    outgoing.close()

    assert kept(uri, queue) == sent
    broker.drop_vhost(f"lengths_{secure}")


class Sending:
    """Sends and settles in a thread."""

    def __init__(self, outgoing: AmqpOutgoing, events: list[Recorded]) -> None:
        self._thread = threading.Thread(target=self._run, args=(outgoing, events), daemon=True)
        self.settled = False
        self._thread.start()

    def _run(self, outgoing: AmqpOutgoing, events: list[Recorded]) -> None:
        for first in range(0, len(events), 50):
            outgoing.send(events[first : first + 50])
        outgoing.settle()
        self.settled = True


@pytest.mark.servers
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_full_broker_is_waited_for_on_the_same_connection(
    broker: SecureRabbitMQ,
    capsys: pytest.CaptureFixture[str],
    *,
    secure: bool,
) -> None:
    """A full disk at the broker delays events; it loses none and heats no processor."""
    uri, measured = broker.vhost("full"), setup.in_memory()
    queue = keep_everything(uri)
    outgoing = AmqpOutgoing(way_to(broker, uri, secure=secure), "greeter")
    sent = [event(n, b"x" * 50_000) for n in range(1, 401)]  # more than any socket's buffers
    broker.control("set_disk_free_limit", "1000000000000000")
    try:
        sending = Sending(outgoing, sent)
        wait_for(lambda: blocked(measured) == 1, "the publisher is told", 20)
        before, at = time.process_time(), time.monotonic()
        wait_for(lambda: time.monotonic() > at + 3, "three seconds pass", 20)
        assert time.process_time() - before < 1
        assert not sending.settled
    finally:
        broker.control("set_disk_free_limit", "50MB")
    wait_for(lambda: sending.settled, "the broker takes everything", 30)

    assert capsys.readouterr().out.count("publisher.blocked") == 1
    assert blocked(measured) == 0
    outgoing.close()
    assert kept(uri, queue) == sent  # on a new connection some would have come twice
    measured.stop()
    broker.drop_vhost("full")


def blocked(measured: setup.InMemory) -> float | None:
    points = measured.measurements().get("sixfold.publisher.blocked", [])
    return points[-1][1].value if points else None


def send_one_by_one(outgoing: AmqpOutgoing, positions: Iterable[int]) -> None:
    for position in positions:
        outgoing.send([event(position)])
        outgoing.settle()


@pytest.mark.servers
def test_a_refused_message_is_noticed(broker: SecureRabbitMQ) -> None:
    """An event that a queue had no room for does not count as published."""
    uri = broker.vhost("refused")
    arguments = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = Queue("small", event_exchange("greeter"), "#", queue_arguments=arguments)
    with Connection(uri) as connection:
        queue(connection.channel()).declare()
    outgoing = AmqpOutgoing(Broker.at(uri), "greeter")

    with pytest.raises(Unavailable, match="refused"):
        send_one_by_one(outgoing, range(1, 50))

    outgoing.close()
    broker.drop_vhost("refused")


@pytest.mark.servers
@pytest.mark.parametrize("loss", ["exchange", "connection"])
def test_what_was_cut_off_does_not_count(broker: SecureRabbitMQ, loss: str) -> None:
    """Whatever ends the channel, the events are sent again, and by a new connection."""
    uri = broker.vhost(f"cut_{loss}")
    queue = keep_everything(uri)
    outgoing = AmqpOutgoing(Broker.at(uri), "greeter")
    outgoing.send([event(1)])
    outgoing.settle()
    if loss == "exchange":
        with Connection(uri) as connection:
            event_exchange("greeter")(connection.channel()).delete()
    else:
        wait_for(lambda: broker.cut_connections(f"cut_{loss}") > 0, "it is cut", 20)

    with pytest.raises(Unavailable):
        send_one_by_one(outgoing, range(2, 1000))

    fresh = AmqpOutgoing(Broker.at(uri), "greeter")
    fresh.send([event(2)])
    fresh.settle()
    fresh.close()
    assert kept(uri, queue)[0].position == 1
    broker.drop_vhost(f"cut_{loss}")


def test_patience_ends_without_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that only stays connected is left after a while, one that answers is not."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    patience = Patience(30)
    for left in range(10, 0, -1):
        patience.look(left)
        now[0] += 29
    patience.look(1)
    now[0] += 31

    with pytest.raises(TimeoutError):
        patience.look(1)
