"""Whatever lies in a queue, what is an event is taken and what is none is set aside."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from structlog.testing import capture_logs

from bus_service import embedded, greet
from chassis.envelope import Recorded
from chassis.intake import Intake
from chassis.topology import ordered_queue
from chassis.wire import headers_of

SHARE = 0
NO_SUCH = {"compression": "application/x-nobody-knows"}
GARBLED = {"compression": "application/x-gzip"}
NESTED = {"subjects": "[" * 100_000}


@pytest.fixture
def broker() -> Iterator[Connection]:
    with Connection("memory://") as broker:
        yield broker
        broker.default_channel.queue_purge(queue_name())


@pytest.fixture
def event(tmp_path: Path) -> Recorded:
    storage = embedded(tmp_path)
    greet(storage, "a", [1])
    with storage.system.read() as db:
        (event,) = storage.log(db).after(0, limit=1)
    storage.database.close()
    return event


def queue_name() -> str:
    return str(ordered_queue("listener", "greeter", SHARE).name)


def send(broker: Connection, headers: Mapping[str, Any], body: bytes) -> None:
    broker.Producer().publish(
        body,
        routing_key=queue_name(),
        headers=dict(headers),
        content_type="application/json",
        content_encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        pytest.param(NO_SUCH, "x-nobody-knows", id="compressed in an unknown way"),
        pytest.param(GARBLED, "incorrect header", id="not compressed as it says"),
        pytest.param(NESTED, "not an event: RecursionError", id="nested too deep"),
        pytest.param({"traceparent": 5}, "not an event: TypeError", id="a trace that is no text"),
        pytest.param({"lane": 99}, "not an event: ValueError", id="a lane that is none"),
    ],
)
def test_what_is_no_event_is_set_aside_and_the_next_is_taken(
    broker: Connection, event: Recorded, wrong: Mapping[str, Any], reason: str
) -> None:
    """One foreign message would break the connection, and again whenever it comes back."""
    intake = Intake(broker, "listener", "greeter")
    intake.follow({SHARE})
    headers = headers_of(event, "greeter")
    send(broker, {**headers, **wrong}, event.data)
    send(broker, headers, event.data)

    with capture_logs() as said:
        for _ in range(2):
            broker.drain_events(timeout=1)

    assert [taken.event for taken in intake.batch(10)] == [event]
    assert [(one["event"], one["share"]) for one in said] == [("subscription.not_ours", SHARE)]
    assert reason in said[0]["reason"]
