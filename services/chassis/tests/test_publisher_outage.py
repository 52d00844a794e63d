"""A publisher outlives its broker and loses nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from bus_service import embedded, greet
from chassis import loops
from chassis.broker import Broker
from chassis.errors import Unavailable
from chassis.loops import Loop, Loops
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.storage import Storage
from chassis.testing.fixtures import started
from chassis.testing.servers import PrivateRabbitMQ
from chassis.topology import event_exchange
from service_process import wait_for

pytestmark = pytest.mark.servers


@pytest.fixture
def broker(server_directory: Path) -> Iterator[PrivateRabbitMQ]:
    server = PrivateRabbitMQ(server_directory / "rabbitmq-publisher")
    yield started(server)
    server.close()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


def keep_everything(amqp_uri: str) -> Queue:
    """Declare a durable queue that gets all that is published."""
    queue = Queue("kept", exchange=event_exchange("greeter"), routing_key="#", durable=True)
    with Connection(amqp_uri) as connection, connection.channel() as channel:
        return queue(channel).declare() and queue


def kept(amqp_uri: str, queue: Queue) -> list[int]:
    """Return the positions of the messages in the queue, in order."""
    found: list[int] = []
    with Connection(amqp_uri) as connection, connection.channel() as channel:
        while (message := queue(channel).get()) is not None:
            found.append(message.headers["position"])
            message.ack()
    return found


def published(storage: Storage) -> bool:
    with storage.system.read() as db:
        head = storage.log(db).head()
        at = db.exec_driver_sql("SELECT position FROM checkpoints WHERE name = 'publisher'")
        return head == (at.scalar() or 0)


def test_a_broker_restart_loses_no_event(
    storage: Storage, broker: PrivateRabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded while the broker is away is published when it is back, in order."""
    monkeypatch.setattr(loops, "PAUSE_SECONDS", 0.1)
    uri = broker.vhost("outage")
    queue = keep_everything(uri)
    publisher = Publisher("greeter", storage.database, to_broker(Broker.at(uri), "greeter"))
    running = Loops([Loop(name="publisher", step=publisher.step, idle=0.01, close=publisher.close)])
    running.start()
    greet(storage, "a", range(20))
    wait_for(lambda: published(storage), "the first are published")

    broker.stop()
    greet(storage, "a", range(20, 40))
    assert not published(storage)
    broker.start()
    wait_for(lambda: published(storage), "the others are published")
    running.stop()

    found = kept(uri, queue)
    assert list(dict.fromkeys(found)) == list(range(1, 41))


def test_without_a_broker_the_checkpoint_stays(storage: Storage) -> None:
    """Nothing counts as published that no broker has confirmed."""
    greet(storage, "a", [1])
    nowhere = to_broker(Broker.at("amqp://u:p@127.0.0.1:1/none"), "greeter")
    publisher = Publisher("greeter", storage.database, nowhere)

    with pytest.raises(Unavailable):
        publisher.step()

    assert not published(storage)
