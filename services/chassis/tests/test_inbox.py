"""What a subscription does with the messages that the bus brings, or doesn't."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus_service import Listener, embedded, greet
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.errors import Conflict, Unavailable
from chassis.feed import LocalFeed
from chassis.ids import LANES
from chassis.inbox import BrokenChain, Feed, ForkedLog, Inbox
from chassis.log import LaneHead
from chassis.storage import Storage


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    yield storage
    storage.database.close()


@pytest.fixture
def listener(tmp_path: Path, producer: Storage) -> Iterator[Listener]:
    storage = embedded(tmp_path, "listener")
    yield Listener(storage, producer)
    storage.database.close()


def recorded(producer: Storage) -> list[Recorded]:
    with producer.system.read() as db:
        return list(producer.log(db).after(0, limit=1000))


def test_messages_in_order_are_handled_once(producer: Storage, listener: Listener) -> None:
    """Every event has its effect."""
    greet(producer, "a", range(5))

    listener.inbox.receive(recorded(producer))

    assert listener.numbers() == [0, 1, 2, 3, 4]


def test_a_message_that_comes_twice_has_one_effect(producer: Storage, listener: Listener) -> None:
    """A redelivery doubles nothing."""
    greet(producer, "a", range(3))
    events = recorded(producer)

    for _ in range(3):
        listener.inbox.receive(events)

    assert listener.numbers() == [0, 1, 2]


def test_a_missing_message_is_pulled_before_the_next_is_handled(
    producer: Storage, listener: Listener
) -> None:
    """What the broker lost arrives all the same, in its place."""
    greet(producer, "a", range(4))
    events = recorded(producer)

    listener.inbox.receive([events[0], events[3]])

    assert listener.numbers() == [0, 1, 2, 3]


def test_the_last_message_of_a_quiet_lane_is_found(producer: Storage, listener: Listener) -> None:
    """A lost message that nothing follows is found by asking for the lane's head."""
    greet(producer, "a", range(2))
    listener.inbox.receive(recorded(producer)[:1])

    assert listener.inbox.check_heads() == 1
    assert listener.numbers() == [0, 1]


class CountingFeed:
    """The producer's feed, and how often it was asked for events."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        self.pulls = 0

    def heads(self) -> Mapping[int, LaneHead]:
        return self.feed.heads()

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        self.pulls += 1
        return self.feed.lane_after(lane, after, limit=limit)


def counted(listener: Listener, producer: Storage) -> tuple[Inbox, CountingFeed]:
    feed = CountingFeed(LocalFeed(producer.system.read, producer.service))
    inbox = Inbox(listener.delivery, listener.storage.database, feed, lanes=range(LANES))
    return inbox, feed


def test_what_was_handled_and_comes_again_asks_nobody(
    producer: Storage, listener: Listener
) -> None:
    """A broker that delivers everything again does not make every consumer read the log again."""
    greet(producer, "a", range(3))
    inbox, feed = counted(listener, producer)

    for _ in range(3):
        inbox.receive(recorded(producer))

    assert (listener.numbers(), feed.pulls) == ([0, 1, 2], 0)


def test_another_event_at_a_handled_position_is_looked_into(
    producer: Storage, listener: Listener
) -> None:
    """A message that only resembles what was handled is not taken for it."""
    greet(producer, "a", range(3))
    inbox, feed = counted(listener, producer)
    inbox.receive(recorded(producer))

    inbox.receive([replace(recorded(producer)[1], chain=bytes(32))])

    assert feed.pulls == 1


class Away:
    """A producer that does not answer."""

    def heads(self) -> Mapping[int, LaneHead]:
        raise Unavailable("away")

    def lane_after(self, lane: int, after: LaneHead, *, limit: int) -> Sequence[Recorded]:
        raise Unavailable("away", lane, after, limit)


def test_redelivered_messages_hold_up_no_lane_while_the_producer_is_away(
    producer: Storage, listener: Listener
) -> None:
    """One message that comes again would stop the whole subscription until the producer is back."""
    for number in range(8):
        greet(producer, f"s{number}", range(2))
    events = recorded(producer)
    listener.inbox.receive(events[:9])  # a worker that dies before it can acknowledge

    fresh = Inbox(listener.delivery, listener.storage.database, Away(), lanes=range(LANES))
    fresh.receive(events)

    assert len(listener.numbers()) == 16


def test_a_gap_that_is_left_open_is_not_acknowledged(producer: Storage, listener: Listener) -> None:
    """A worker that is told to stop would say that it handled what it did not."""
    greet(producer, "a", range(3))
    listener.inbox.goes_on = lambda _: False

    with pytest.raises(Unavailable):
        listener.inbox.receive(recorded(producer)[2:])


def test_what_is_on_its_way_is_left_to_the_bus(producer: Storage, listener: Listener) -> None:
    """Under load each look at the heads would otherwise read what the broker brings anyway."""
    greet(producer, "a", [0])
    inbox, feed = counted(listener, producer)
    assert inbox.check_heads() == 1
    greet(producer, "a", [1])
    pulled_before = feed.pulls

    assert (inbox.check_heads(), feed.pulls) == (0, pulled_before)
    assert inbox.check_heads() == 1
    assert listener.numbers() == [0, 1]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_order_and_any_loss_give_the_same_effects(
    data: st.DataObject, producer: Storage, tmp_path: Path
) -> None:
    """However the bus shuffles, doubles and drops, each stream is seen once and in order."""
    if not recorded(producer):
        for stream in ("a", "b", "c"):
            greet(producer, stream, range(4))
    events = recorded(producer)
    delivered = data.draw(st.lists(st.sampled_from(events), max_size=30))
    cuts = data.draw(st.lists(st.integers(min_value=1, max_value=5), max_size=30))
    folder = Path(mkdtemp(dir=tmp_path))
    consumer = Listener(embedded(folder, "listener"), producer)

    for size in cuts:
        batch, delivered = delivered[:size], delivered[size:]
        consumer.inbox.receive(batch)
    consumer.inbox.check_heads()

    for stream in ("a", "b", "c"):
        assert consumer.numbers(stream) == [0, 1, 2, 3]
    consumer.storage.database.close()


def test_a_changed_event_stops_the_reader(producer: Storage, listener: Listener) -> None:
    """An event that is not what the producer wrote is never handled."""
    greet(producer, "a", [1])
    forged = replace(recorded(producer)[0], data=b'{"number":666}')

    with pytest.raises(BrokenChain):
        listener.inbox.receive([forged])

    assert listener.numbers() == []


@pytest.mark.parametrize("new_events", [0, 1, 2, 5])
def test_a_log_restored_from_an_older_copy_stops_its_consumers(
    tmp_path: Path, listener: Listener, producer: Storage, new_events: int
) -> None:
    """After a restore that lost the tail nothing is taken for a duplicate."""
    greet(producer, "a", [1])
    copy = tmp_path / "copy"
    copy.mkdir()
    with sqlite3.connect(tmp_path / "producer.db") as db:
        db.execute(f"VACUUM INTO '{copy}/greeter.db'")
    greet(producer, "a", [2, 3])
    listener.inbox.receive(recorded(producer))
    restored = replace(producer, database=Database(f"sqlite:///{copy}/greeter.db"))
    greet(restored, "a", [20 + n for n in range(new_events)])
    after = Listener(listener.storage, restored)

    with pytest.raises(ForkedLog):
        after.inbox.check_heads()
    if new_events:
        with pytest.raises((ForkedLog, BrokenChain)):
            after.inbox.receive(recorded(restored)[1:])

    assert after.numbers() == [1, 2, 3]


def test_two_workers_cannot_handle_one_event_both(producer: Storage, listener: Listener) -> None:
    """The second of two workers with the same message is undone."""
    greet(producer, "a", [1])
    events = recorded(producer)
    rival = Listener(listener.storage, producer)

    rival.inbox.receive(events)
    listener.inbox.receive(events)

    assert listener.numbers() == [1]


def test_a_conflict_is_tried_again_at_once(producer: Storage, listener: Listener) -> None:
    """Losing a race parks nothing as long as a second try wins."""
    greet(producer, "a", [1])
    failures = iter([Conflict("lost"), Conflict("lost"), None])
    listener.fails = lambda _: next(failures)

    listener.inbox.receive(recorded(producer))

    assert (listener.numbers(), listener.parked()) == ([1], [])
