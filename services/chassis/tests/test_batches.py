"""Batches: tried whole, done again one by one when something fails, counted once."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from bus_service import Greeted, Waved, embedded, greet, registry, seen
from chassis.delivery import Batched, Delivery, grouped
from chassis.envelope import Recorded
from chassis.feed import LocalFeed
from chassis.ids import LANES
from chassis.inbox import Inbox
from chassis.parked import Parked, listed
from chassis.privacy import MemoryKeys
from chassis.reactions import Received, Works, in_unit_of_work, in_works
from chassis.storage import Storage
from chassis.telemetry import setup
from chassis.testing.contexts import context
from chassis.unit_of_work import UnitOfWork

READER = "listener.on.greeter"
POISON = 13


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    yield storage
    storage.database.close()


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "listener")
    yield storage
    storage.database.close()


class Both:
    """Hears greetings one by one, sees waves by the batch, and answers each with an event."""

    def __init__(self, storage: Storage, producer: Storage) -> None:
        self.storage = storage
        self.sizes: list[int] = []
        self.calls = 0
        handlers = {
            "greeted": in_unit_of_work(storage, READER, self.greeted),
            "waved": in_works(storage, READER, self.waved),
        }
        delivery = Delivery(READER, storage.database, handlers)
        feed = LocalFeed(producer.system.read, "greeter")
        self.inbox = Inbox(delivery, storage.database, feed, lanes=range(LANES))

    def greeted(self, work: UnitOfWork, event: Recorded) -> None:
        self.calls += 1
        number = registry.decode(event, MemoryKeys()).number
        work.db.execute(insert(seen).values(stream=event.stream, number=number))
        work.add(f"answer-{event.position}", [Greeted(number=number)])
        if number == POISON:
            raise ValueError("poison")

    def waved(self, works: Works) -> None:
        self.sizes.append(len(works.fresh))
        numbers = {e.position: registry.decode(e, MemoryKeys()).number for e in works.fresh}
        rows = [{"stream": e.stream, "number": numbers[e.position]} for e in works.fresh]
        works.db.execute(insert(seen), rows)
        for event in works.fresh:
            work = works.of(Received(data=None, envelope=event))
            work.add(f"answer-{event.position}", [Waved(number=numbers[event.position])])
            if numbers[event.position] == POISON:
                raise ValueError("poison")

    def numbers(self, stream: str) -> list[int]:
        wanted = seen.select().where(seen.c.stream == stream).order_by(seen.c.id)
        with self.storage.system.read() as db:
            return [row.number for row in db.execute(wanted)]

    def answers(self) -> list[Recorded]:
        with self.storage.system.read() as db:
            return list(self.storage.log(db).after(0, limit=1000))

    def parked(self) -> list[Parked]:
        with self.storage.system.read() as db:
            return listed(db)


@pytest.fixture
def both(storage: Storage, producer: Storage) -> Both:
    return Both(storage, producer)


def deliver(producer: Storage, both: Both) -> list[Recorded]:
    with producer.system.read() as db:
        events = list(producer.log(db).after(0, limit=1000))
    both.inbox.receive(events)
    return events


def test_a_batch_method_is_called_once_for_what_came_together(
    producer: Storage, both: Both
) -> None:
    """A handler that could write a thousand rows at once would write them one by one."""
    for stream in "abc":
        greet(producer, stream, range(4), Waved)

    events = deliver(producer, both)

    assert both.sizes == [12]
    assert [both.numbers(stream) for stream in "abc"] == [[0, 1, 2, 3]] * 3
    causes = {(answer.stream, answer.causation_id) for answer in both.answers()}
    assert causes == {(f"answer-{event.position}", event.id) for event in events}


def test_what_a_batch_records_is_what_one_by_one_would_record(
    tmp_path: Path, producer: Storage
) -> None:
    """Another division into batches would give the same facts other ids."""
    greet(producer, "a", range(6), Waved)
    found = []
    for name, size in (("whole", 6), ("halves", 3), ("single", 1)):
        (tmp_path / name).mkdir()
        both = Both(embedded(tmp_path / name), producer)
        with producer.system.read() as db:
            events = list(producer.log(db).after(0, limit=1000))
        for first in range(0, 6, size):
            both.inbox.receive(events[first : first + size])
        found.append([(answer.id, answer.stream) for answer in both.answers()])
        both.storage.database.close()

    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", [Greeted, Waved])
def test_one_failure_in_a_batch_parks_its_event_and_stream_only(
    producer: Storage, both: Both, kind: type[Any]
) -> None:
    """One poison event would take its neighbours with it."""
    greet(producer, "a", [1, POISON, 3], kind)
    greet(producer, "b", [1, 2, 3], kind)

    deliver(producer, both)

    assert (both.numbers("a"), both.numbers("b")) == ([1], [1, 2, 3])
    assert [(one.event.stream, one.error) for one in both.parked()] == [
        ("a", "ValueError: poison"), ("a", None)
    ]  # fmt: skip
    assert len(both.answers()) == 4


def test_a_failing_batch_is_done_again_one_by_one(producer: Storage, both: Both) -> None:
    """Nobody could tell which of the batch's events cannot be handled."""
    greet(producer, "a", [1, 2], Waved)
    greet(producer, "b", [POISON], Waved)

    deliver(producer, both)

    assert both.sizes == [3, 1, 1, 1]


@pytest.mark.parametrize("kind", [Greeted, Waved])
def test_a_batch_that_comes_again_has_no_second_effect(
    producer: Storage, both: Both, kind: type[Any]
) -> None:
    """A reader that is sent back to the beginning would do everything twice."""
    greet(producer, "a", [1, 2, 3], kind)
    events = deliver(producer, both)
    with both.storage.system.begin() as db:
        db.exec_driver_sql("DELETE FROM checkpoints")

    Inbox(
        both.inbox.delivery, both.storage.database, LocalFeed(lambda: None, ""), lanes=range(LANES)
    ).receive(events)

    assert (both.numbers("a"), len(both.answers())) == ([1, 2, 3], 3)


def test_what_was_undone_is_neither_counted_nor_traced(producer: Storage, both: Both) -> None:
    """Dashboards would show twice as much as happened whenever something failed."""
    greet(producer, "a", [1, 2, POISON])
    running = setup.in_memory()
    try:
        deliver(producer, both)
        spans = [span for span in running.spans() if span["name"] == f"process {READER}"]
        measured = running.measurements()
    finally:
        running.stop()

    assert both.calls == 6, "tried together, then one by one"
    assert sorted(span["attributes"]["sixfold.version"] for span in spans) == [1, 2, 3]
    handled = {
        labels["outcome"]: point.value for labels, point in measured["sixfold.subscription.handled"]
    }
    assert handled == {"handled": 2, "parked": 1}
    assert [point.value for _, point in measured["sixfold.log.appended"]] == [2]


def test_a_unit_of_work_is_not_opened_again_once_the_next_one_was(
    storage: Storage, producer: Storage
) -> None:
    """What is recorded too late would be taken for a repetition, and lost without a word."""
    greet(producer, "a", [1, 2], Waved)
    with producer.system.read() as db:
        one, two = (
            Received(data=None, envelope=event) for event in producer.log(db).after(0, limit=2)
        )
    with storage.system.begin() as db:
        works = Works(storage, READER, db, [one.envelope, two.envelope])
        assert works.of(one) is works.of(one)
        works.of(two)
        with pytest.raises(ValueError, match="closed"):
            works.of(one)


def test_a_later_event_of_a_stream_sees_what_an_earlier_one_recorded(
    storage: Storage, producer: Storage
) -> None:
    """Two events of one batch that write one stream would conflict with each other."""
    greet(producer, "a", [1, 2], Waved)

    def append(works: Works) -> None:
        for event in works.fresh:
            work = works.of(Received(data=None, envelope=event))
            version = len(work.log.stream("acme", "tally"))
            work.add("tally", [Waved(number=1)], expected_version=version)

    handler = in_works(storage, READER, append)
    with producer.system.read() as db:
        events = list(producer.log(db).after(0, limit=2))
    with storage.system.begin() as db:
        Delivery(READER, storage.database, {"waved": handler}).deliver(db, events)

    with storage.begin(context()) as work:
        assert [event.version for event in work.log.stream("acme", "tally")] == [1, 2]


def ignore(_db: Connection, _events: object) -> None:
    """Stand in for a handler."""


@given(kinds=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=30))
def test_however_events_are_put_together_each_stream_keeps_its_order(
    kinds: list[tuple[str, str]],
) -> None:
    """A cancellation would be handled before the order that it cancels."""
    handlers: dict[str, Callable[..., None]] = {
        "x": Batched(handle=ignore),
        "y": Batched(handle=ignore),
        "z": ignore,
    }
    events: Sequence[Any] = [Event(stream, kind, n) for n, (stream, kind) in enumerate(kinds)]

    groups = grouped(handlers, events)

    flat = [event for _, group in groups for event in group]
    assert sorted(event.number for event in flat) == list(range(len(events)))
    for stream in "abc":
        numbers = [event.number for event in flat if event.stream == stream]
        assert numbers == sorted(numbers)
    assert all(handlers[event.type] is handler for handler, group in groups for event in group)


class Event:
    """As much of an event as grouping looks at."""

    tenant = "acme"

    def __init__(self, stream: str, kind: str, number: int) -> None:
        self.stream, self.type, self.number = stream, kind, number
