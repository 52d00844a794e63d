"""The loop's subscriptions on a real broker."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kombu.connection import Connection

from chassis.broker import Broker
from chassis.errors import Unavailable
from chassis.inbox import Feed
from chassis.log import LaneHead
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.topology import ordered_queues
from four_logs import FourLogs, tell
from loop.board import Board
from loop.live import LiveFacts
from loop.main import Subscriptions
from loop.replay import replay

pytestmark = pytest.mark.servers
DEADLINE = 30.0


class Silent:
    """A feed that never says how far the log is, so that only messages bring events."""

    def __init__(self, feed: Feed) -> None:
        self.lane_after = feed.lane_after

    def heads(self) -> dict[int, LaneHead]:
        """Say nothing."""
        raise Unavailable("the producer is away")


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; fail with its name after the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"did not happen in {DEADLINE} s: {what}"
        threading.Event().wait(0.05)


def declare_queues(logs: FourLogs, amqp_uri: str) -> None:
    """Let the broker keep what is published before the loop listens."""
    with Connection(amqp_uri) as broker:
        for source in logs.feeds:
            for queue in ordered_queues("loop", source):
                queue(broker.channel()).declare()


def publish(logs: FourLogs, amqp_uri: str) -> None:
    """Carry all four logs to the bus."""
    for source in logs.feeds:
        connect = to_broker(Broker.at(amqp_uri), source)
        with Publisher(source, logs.database(source), connect) as publisher:
            while publisher.step():
                pass


def test_what_the_bus_brings_is_what_a_replay_counts(
    logs: FourLogs, amqp_uri: str, tmp_path: Path
) -> None:
    """Otherwise the live page and a replay of the same logs disagree."""
    facts = LiveFacts(tmp_path / "facts.duckdb")
    feeds = {source: Silent(feed) for source, feed in logs.feeds.items()}
    declare_queues(logs, amqp_uri)
    running = Subscriptions(facts, feeds, Broker.at(amqp_uri))
    running.start()
    tell(logs)
    publish(logs, amqp_uri)
    heads = {source: logs.head(source) for source in logs.feeds}

    wait_for(lambda: facts.vector == heads, "every event arrived")
    running.stop()
    assert running.alarms == {}
    live = Board(facts).at(heads)
    assert live.tenants["acme"].hash == replay(logs.feeds, at=heads).tenants["acme"].hash
    facts.close()
