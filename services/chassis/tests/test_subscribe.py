"""``@subscribe`` in real processes with a real broker: once, in order, and parked if it fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis import parked
from chassis.telemetry.span_file import read_spans
from chassis.testing.fixtures import started
from chassis.testing.servers import PrivateRabbitMQ
from chassis.testing.web import Tokens
from service_process import Place, wait_for

pytestmark = pytest.mark.servers
IN_TIME = 15.0


def places(folder: Path, amqp_uri: str) -> tuple[Place, Place]:
    tokens = Tokens(folder)
    greeter = Place("greeter", folder, amqp_uri, tokens)
    listener = Place("listener", folder, amqp_uri, tokens, feeds=f"greeter={greeter.address}")
    return greeter, listener


@pytest.fixture
def own_broker(server_directory: Path) -> Iterator[PrivateRabbitMQ]:
    server = PrivateRabbitMQ(server_directory / "rabbitmq-subscribe", fsync=False)
    yield started(server)
    server.close()


def say(greeter: Place, stream: str, *numbers: int) -> None:
    wait_for(lambda: greeter.answers("/healthz") is not None, "the producer answers")
    for number in numbers:
        greeter.post(f"/v1/greetings/{stream}", {"number": number})


def parked_errors(listener: Place) -> list[str | None]:
    with listener.database.read() as db:
        return [waiting.error for waiting in parked.listed(db)]


def test_a_subscription_gets_each_event_once_and_in_order(tmp_path: Path, amqp_uri: str) -> None:
    """What one service says, the other has heard: all of it, in order, in the same trace."""
    greeter, listener = places(tmp_path, amqp_uri)
    with greeter.running("worker", "relay"), listener.running("worker") as (worker,):
        say(greeter, "a", *range(10))
        say(greeter, "b", *range(10))

        wait_for(
            lambda: len(listener.numbers("a") + listener.numbers("b")) >= 20, "twenty are heard"
        )

        assert listener.numbers("a") == listener.numbers("b") == list(range(10))
        code, seconds = worker.stop()
        assert (code, seconds < IN_TIME) == (0, True), worker.said()
    spans = list(read_spans(tmp_path / "spans.jsonl"))
    posts = {span["span_id"]: span["trace_id"] for span in spans if span["name"].startswith("POST")}
    handled = [span for span in spans if span["name"] == "process listener.on.greeter"]
    handled = [span for span in handled if span["parent_id"] in posts]  # what was said over HTTP
    # Bus and feed may both bring one: its second span did nothing, as the numbers say.
    assert len({span["parent_id"] for span in handled}) == 20
    assert all(posts[span["parent_id"]] == span["trace_id"] for span in handled)


def test_a_raising_handler_parks_its_event_and_its_stream_only(
    tmp_path: Path, amqp_uri: str
) -> None:
    """One poison event neither stops a service nor is it lost."""
    greeter, listener = places(tmp_path, amqp_uri)
    with greeter.running("worker", "relay"), listener.running("worker") as (worker,):
        say(greeter, "a", 1, 666, 2)
        say(greeter, "b", 1, 2)

        wait_for(lambda: listener.numbers("b") == [1, 2], "the other stream is heard")
        wait_for(lambda: len(parked_errors(listener)) == 2, "two are parked")

        assert listener.numbers("a") == [1]
        assert parked_errors(listener) == ["ValueError: poison", None]
        wait_for(
            lambda: listener.answers("/internal/v1/parked")["parked"][0]["due_at"] is None,
            "given up",
        )
        assert worker.stop()[0] == 0


def test_a_broker_that_dies_loses_nothing_and_holds_up_no_stop(
    tmp_path: Path, own_broker: PrivateRabbitMQ
) -> None:
    """Without the broker events come from the log, workers stop in time, and a new one is used."""
    greeter, listener = places(tmp_path, own_broker.vhost("subscribe"))
    with greeter.running("worker", "relay"):
        with listener.running("worker") as (worker,):
            say(greeter, "a", 1)
            wait_for(lambda: listener.numbers("a") == [1], "the first is heard")
            own_broker.close()
            say(greeter, "a", 2, 3)
            wait_for(lambda: listener.numbers("a") == [1, 2, 3], "the others are heard")

            code, seconds = worker.stop()
            assert (code, seconds < IN_TIME) == (0, True), worker.said()
        own_broker.start().vhost("subscribe")
        with listener.running("worker"):
            say(greeter, "a", 4)
            wait_for(lambda: listener.numbers("a") == [1, 2, 3, 4], "the last is heard")
            wait_for(lambda: all_published(greeter), "all are published")


def all_published(place: Place) -> bool:
    progress = place.answers("/internal/v1/progress")
    return bool(progress["readers"]["publisher"] == {"-1": progress["position"]})
