"""What the consumers' guide shows: programs that know nothing of ours receive our events."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from amqp import NotFound
from kombu.connection import Connection

from bus_service import embedded
from chassis.broker import Broker
from chassis.money import Money
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from commerce.events import registry
from commerce.order_events import OrderLine, OrderPlaced, Origin

pytestmark = pytest.mark.servers
PROGRAMS = Path(__file__).parents[2] / "docs/guides/consumers"
KOMBU_QUEUE = "packing.orders"
DEADLINE = 30.0


@pytest.fixture
def commerce(tmp_path: Path) -> Iterator[Storage]:
    storage = replace(embedded(tmp_path, "commerce"), registry=registry)
    yield storage
    storage.database.close()


def order_placed(order_id: UUID) -> OrderPlaced:
    """Return an order of two lanterns."""
    price = Money(amount=1900, currency="CNY")
    return OrderPlaced(
        order_id=order_id,
        key="basket-1",
        body_hash="0" * 64,
        person_id="person-1",
        origin=Origin(platform="weibo", property="main", mode="web"),
        lines=(OrderLine(sku="LANTERN", qty=2, price=price),),
        total=price * 2,
        location="main",
        placed_at=NOW,
        reserved_until=NOW + timedelta(minutes=15),
        payment_due_at=NOW + timedelta(minutes=15),
        payment_method="tok_1",
    )


def publish(commerce: Storage, amqp_uri: str, tenant: str) -> tuple[UUID, UUID]:
    """Record one order, carry it to the bus; return the ids of the order and of its event."""
    order_id = uuid4()
    with commerce.begin(context(tenant=tenant)) as work:
        work.add(f"order-{order_id}", [order_placed(order_id)])
    connect = to_broker(Broker.at(amqp_uri), "commerce")
    with Publisher("commerce", commerce.database, connect) as publisher:
        assert publisher.step() == 1
    with commerce.system.read() as db:
        log = commerce.log(db)
        (event,) = log.after(log.head() - 1, limit=1)
    return order_id, event.id


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"did not happen in {DEADLINE} s: {what}"
        time.sleep(0.05)


def consumed(amqp_uri: str, queue: str) -> bool:
    """Say whether somebody consumes a queue; by then it is bound."""
    with Connection(amqp_uri) as broker:
        try:
            return bool(broker.channel().queue_declare(queue, passive=True).consumer_count)
        except NotFound:
            return False


@contextmanager
def running(script: str, amqp_uri: str, output: Path) -> Iterator[None]:
    """Run one of the guide's programs, given nothing but the broker's address."""
    environment = {"PATH": os.environ["PATH"], "AMQP_URI": amqp_uri}
    with output.open("w") as file:
        program = subprocess.Popen(
            [sys.executable, script],
            cwd=PROGRAMS,
            env=environment,
            stdout=file,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield
        finally:
            program.terminate()
            program.wait(DEADLINE)


@pytest.mark.parametrize(
    ("script", "queue"),
    [
        ("kombu_consumer.py", KOMBU_QUEUE),
        ("nameko_consumer.py", "evt-commerce-order_placed--packing.on_order_placed"),
    ],
)
def test_an_outside_program_receives_orders(
    script: str, queue: str, commerce: Storage, amqp_uri: str, tmp_path: Path
) -> None:
    """Somebody who copies the guide's program would not see their orders, or not whose they are."""
    output = tmp_path / "printed"
    expected = []
    with running(script, amqp_uri, output):
        wait_for(lambda: consumed(amqp_uri, queue), "the program consumes its queue")
        for tenant in ("acme", "lantern"):
            order_id, event_id = publish(commerce, amqp_uri, tenant)
            expected.append(f"{tenant} {event_id} {order_id}")
        wait_for(lambda: len(output.read_text().splitlines()) >= 2, "two orders printed")
    assert output.read_text().splitlines() == expected


def test_what_was_placed_while_the_program_was_away_arrives(
    commerce: Storage, amqp_uri: str, tmp_path: Path
) -> None:
    """A program that is restarted would miss the orders that came in between."""
    first, second = tmp_path / "first", tmp_path / "second"
    with running("kombu_consumer.py", amqp_uri, first):
        wait_for(lambda: consumed(amqp_uri, KOMBU_QUEUE), "the program consumes its queue")
    order_id, event_id = publish(commerce, amqp_uri, "acme")
    with running("kombu_consumer.py", amqp_uri, second):
        wait_for(lambda: bool(second.read_text()), "the order printed")
    assert second.read_text() == f"acme {event_id} {order_id}\n"


def test_the_programs_import_nothing_of_ours() -> None:
    """A consumer that needs our packages could not be written by somebody else."""
    ours = {folder.name for folder in Path(__file__).parents[2].glob("*/*/src/*")} | {"sixfold"}
    sources = "\n".join(path.read_text() for path in PROGRAMS.glob("*.py"))
    assert not [name for name in ours if f"import {name}" in sources or f"from {name}" in sources]


def test_the_kombu_program_is_short() -> None:
    """The guide promises fifteen lines."""
    assert len((PROGRAMS / "kombu_consumer.py").read_text().splitlines()) <= 15
