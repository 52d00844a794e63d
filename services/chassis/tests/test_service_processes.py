"""Worker and relay start, do their work, and leave when they are told to."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from chassis.health import NOT_FOR_TRAFFIC
from chassis.testing.web import Tokens
from service_process import DeafBroker, Place, wait_for

NOWHERE = "amqp://u:p@127.0.0.1:1/none"
IN_TIME = 15.0
TRAFFIC = urlencode([("exclude", name) for name in NOT_FOR_TRAFFIC])


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


@pytest.fixture(params=["away", "deaf"])
def no_broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the address of a broker that is away, then of one that hangs."""
    if request.param == "away":
        yield NOWHERE
        return
    with DeafBroker() as deaf:
        yield deaf.uri


@pytest.mark.journey
def test_a_worker_without_a_broker_serves_and_leaves_in_time(
    tmp_path: Path, tokens: Tokens, no_broker: str
) -> None:
    """An outage of the broker stops neither the pages nor a deployment."""
    greeter = Place("greeter", tmp_path, no_broker, tokens)
    listener = Place("listener", tmp_path, no_broker, tokens, feeds=f"greeter={greeter.address}")
    with greeter.running("worker") as (worker,), listener.running("worker") as (subscribed,):
        for place in (greeter, listener):
            wait_for(lambda place=place: place.answers("/healthz") is not None, "it answers")
        greeter.post("/v1/greetings/a", {"number": 1})
        assert greeter.answers("/readyz") is None
        assert greeter.answers(f"/readyz?{TRAFFIC}")["status"] == "ok"

        for process in (worker, subscribed):
            code, seconds = process.stop()
            assert code == 0, process.said()
            assert seconds < IN_TIME
    assert "u:p@" not in worker.said() + subscribed.said()


def readers(place: Place) -> dict[str, dict[str, int]]:
    return dict(place.answers("/internal/v1/progress")["readers"])


@pytest.mark.journey
def test_a_relay_without_a_broker_leaves_in_time(
    tmp_path: Path, tokens: Tokens, no_broker: str
) -> None:
    """A deployment is not held up by what cannot be published now."""
    greeter = Place("greeter", tmp_path, no_broker, tokens)
    with greeter.running("worker", "relay") as (worker, relay):
        wait_for(lambda: greeter.answers("/healthz") is not None, "it answers")
        greeter.post("/v1/greetings/a", {"number": 1})
        wait_for(lambda: "publisher" in readers(greeter), "the relay has begun")
        assert readers(greeter)["publisher"] == {"-1": 0}

        code, seconds = relay.stop()

        assert code == 0, relay.said()
        assert seconds < IN_TIME
        assert worker.stop()[0] == 0
