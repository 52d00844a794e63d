"""The feed: the one call between services, and what it refuses."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bus_service import Listener, embedded, greet
from chassis.entrypoints import handlers_of
from chassis.envelope import Recorded
from chassis.errors import Unavailable
from chassis.feed import SCOPE, HttpFeed, LaneForked, read_heads, read_lane
from chassis.ids import LANES, lane_of
from chassis.inbox import ForkedLog, Inbox
from chassis.log import LaneHead
from chassis.service_edge import ServiceEdge
from chassis.storage import Storage
from chassis.testing.web import Tokens
from chassis.wire import from_text
from chassis.wsgi import Service, server, wsgi_app

LANE = lane_of("acme", "a")


class GreeterService(ServiceEdge):
    """A service with nothing of its own."""

    name = "greeter"


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    greet(storage, "a", range(5))
    greet(storage, "b", range(2))
    yield storage
    storage.database.close()


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path)


@pytest.fixture
def address(producer: Storage, tokens: Tokens) -> Iterator[str]:
    """Give the address of a real server with the routes that every service has."""
    app = wsgi_app(
        Service(name="greeter"), handlers_of(GreeterService()), producer, tokens.authority
    )
    running = server(app, "127.0.0.1", 0)
    running.prepare()
    threading.Thread(target=running.serve, daemon=True).start()
    yield f"http://127.0.0.1:{running.bind_addr[1]}"
    running.stop()


def token(tokens: Tokens, *scopes: str) -> str:
    return tokens.bearer(*scopes)["Authorization"].removeprefix("Bearer ")


def recorded(producer: Storage, lane: int = LANE) -> list[Recorded]:
    with producer.system.read() as db:
        return list(producer.log(db).lane_after(lane, 0, limit=100))


def head(event: Recorded) -> LaneHead:
    return LaneHead(position=event.position, chain=event.chain)


def test_a_lane_is_read_from_where_the_reader_stands(producer: Storage) -> None:
    """A consumer gets what it lacks, raw, and no more than it asked for."""
    events = recorded(producer)

    with producer.system.read() as db:
        lines = read_lane(db, LANE, head(events[1]), limit=2, source="greeter")
        heads = read_heads(db)

    assert [from_text(line) for line in lines] == events[2:4]
    assert heads[str(LANE)] == {"position": events[-1].position, "chain": events[-1].chain.hex()}


@pytest.mark.parametrize("wrong", [{"chain": bytes(32)}, {"position": 99}, {"position": 1}])
def test_a_reader_of_another_history_is_refused(producer: Storage, wrong: dict[str, Any]) -> None:
    """After a restore that lost the tail, a consumer is told so instead of being fed."""
    last = recorded(producer)[-1]

    with producer.system.read() as db, pytest.raises(LaneForked):
        read_lane(db, LANE, replace(head(last), **wrong), limit=10, source="greeter")


def test_a_consumer_reads_the_log_over_http(
    producer: Storage, address: str, tokens: Tokens
) -> None:
    """What another service pulls over the network is what the producer recorded."""
    feed = HttpFeed(address, lambda: token(tokens, SCOPE))
    events = recorded(producer)

    with producer.system.read() as db:
        assert feed.heads() == producer.log(db).lane_heads()
    assert feed.lane_after(LANE, LaneHead(), limit=100) == events
    assert feed.lane_after(LANE, head(events[2]), limit=1) == events[3:4]
    assert feed.lane_after(LANE, head(events[-1]), limit=100) == []


def test_a_new_consumer_gets_everything_over_http(
    producer: Storage, address: str, tokens: Tokens, tmp_path: Path
) -> None:
    """A service that is added later knows all that happened before."""
    listener = Listener(embedded(tmp_path, "listener"), producer)
    feed = HttpFeed(address, lambda: token(tokens, SCOPE))
    inbox = Inbox(listener.delivery, listener.storage.database, feed, lanes=range(LANES))

    assert inbox.check_heads() == 7
    assert (inbox.check_heads(), inbox.lag) == (0, 0)

    assert (listener.numbers("a"), listener.numbers("b")) == ([0, 1, 2, 3, 4], [0, 1])
    listener.storage.database.close()


def test_a_forked_reader_is_told_over_http(producer: Storage, address: str, tokens: Tokens) -> None:
    """The alarm is the same whether the log is read here or over the network."""
    forked = LaneHead(position=recorded(producer)[-1].position, chain=bytes(31) + b"x")
    feed = HttpFeed(address, lambda: token(tokens, SCOPE))

    with pytest.raises(ForkedLog):
        feed.lane_after(LANE, forked, limit=10)


def test_a_user_cannot_read_the_feed(address: str, tokens: Tokens) -> None:
    """The raw log, with every tenant's events in it, is for services only."""
    with pytest.raises(Unavailable, match="403"):
        HttpFeed(address, lambda: token(tokens, "orders")).heads()
    with pytest.raises(Unavailable, match="401"):
        HttpFeed(address, lambda: "nonsense").heads()


def test_a_producer_that_is_away_is_said_to_be() -> None:
    """An outage of a neighbour is waited for, not taken for an empty log."""
    feed = HttpFeed("http://127.0.0.1:1", lambda: "token")

    with pytest.raises(Unavailable):
        feed.heads()
    with pytest.raises(Unavailable):
        feed.lane_after(0, LaneHead(), limit=1)


def test_how_far_a_consumer_is_behind_is_known_before_it_catches_up(
    producer: Storage, tmp_path: Path
) -> None:
    """An operator sees that events are missing, and about how many."""
    listener = Listener(embedded(tmp_path, "listener"), producer)
    heads = {lane: LaneHead(position=1600) for lane in range(LANES)}
    silent = SimpleNamespace(heads=lambda: heads, lane_after=lambda *_, **__: [])
    inbox = Inbox(listener.delivery, listener.storage.database, silent, lanes=range(LANES))

    inbox.check_heads()

    assert inbox.lag == 1600
    listener.storage.database.close()
