"""What happens to events whose handler fails."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from bus_service import Listener, embedded, greet, storage_at
from chassis import faults, parked, parked_audit
from chassis.clock import FixedClock
from chassis.delivery import Delivery
from chassis.errors import Unavailable
from chassis.storage import Storage
from chassis.testing.contexts import NOW
from waiting import DEADLINE, until_it_waits


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    yield storage
    storage.database.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def listener(tmp_path: Path, producer: Storage, clock: FixedClock) -> Iterator[Listener]:
    storage = embedded(tmp_path, "listener")
    yield listening(storage, producer, clock)
    storage.database.close()


@pytest.fixture
def at_points() -> Iterator[Callable[[faults.Hook], None]]:
    yield faults.set_hook
    faults.set_hook(None)


def listening(storage: Storage, producer: Storage, clock: FixedClock) -> Listener:
    listener = Listener(storage, producer)
    listener.inbox.delivery = listener.delivery = Delivery(
        listener.delivery.name, storage.database, listener.delivery.handlers, clock=clock
    )
    return listener


def fail_on(number: int, error: Exception) -> Callable[[int], Exception | None]:
    return lambda seen: error if seen == number else None


def deliver_all(producer: Storage, listener: Listener) -> None:
    with producer.system.read() as db:
        listener.inbox.receive(producer.log(db).after(0, limit=1000))


def test_a_failure_holds_up_its_own_stream_and_nothing_else(
    producer: Storage, listener: Listener
) -> None:
    """One poison event doesn't stop a whole service."""
    greet(producer, "a", [1, 2, 3])
    greet(producer, "b", [10, 11])
    listener.fails = fail_on(2, ValueError("no"))

    deliver_all(producer, listener)

    assert (listener.numbers("a"), listener.numbers("b")) == ([1], [10, 11])
    assert [(p.error, p.tries) for p in listener.parked()] == [("ValueError: no", 1), (None, 0)]
    assert "ValueError: no" in (listener.parked()[0].trace or "")


def test_delayed_tries_then_a_person(
    producer: Storage, listener: Listener, clock: FixedClock
) -> None:
    """A defect is tried a few times, then waits instead of burning the processor."""
    greet(producer, "a", [1, 2])
    listener.fails = fail_on(1, ValueError("no"))
    deliver_all(producer, listener)

    for _ in range(10):
        clock.advance(timedelta(hours=1))
        listener.delivery.retry_due()

    first = listener.parked()[0]
    assert (first.tries, first.due_at) == (parked.TRIES_BEFORE_A_PERSON + 1, None)


def test_an_outage_is_tried_for_ever(
    producer: Storage, listener: Listener, clock: FixedClock
) -> None:
    """What passes by itself needs no person, however long it takes."""
    greet(producer, "a", [1, 2])
    listener.fails = fail_on(1, Unavailable("down"))
    deliver_all(producer, listener)
    for _ in range(10):
        clock.advance(timedelta(hours=1))
        listener.delivery.retry_due()
    assert listener.parked()[0].due_at is not None

    listener.fails = lambda _: None
    for _ in range(2):
        clock.advance(timedelta(hours=1))
        listener.delivery.retry_due()

    assert (listener.numbers(), listener.parked()) == ([1, 2], [])


def test_a_retry_after_the_fix_heals_the_stream_in_order(
    producer: Storage, listener: Listener, clock: FixedClock
) -> None:
    """An operator's retry brings everything back, in the stream's order."""
    greet(producer, "a", [1, 2, 3])
    listener.fails = fail_on(1, ValueError("no"))
    deliver_all(producer, listener)
    listener.fails = lambda _: None

    with listener.storage.system.begin() as db:
        assert parked_audit.retry_all(db, error="ValueError", now=clock.now()) == 1
    while listener.delivery.retry_due():
        pass

    assert (listener.numbers(), listener.parked()) == ([1, 2, 3], [])


def test_skipping_lets_the_stream_go_on(
    producer: Storage, listener: Listener, clock: FixedClock
) -> None:
    """A stream would be held up for ever by one event that nobody can handle."""
    greet(producer, "a", [1, 2])
    listener.fails = fail_on(1, ValueError("no"))
    deliver_all(producer, listener)

    with listener.storage.system.begin() as db:
        parked_audit.skip(db, listener.delivery.name, 1, now=clock.now())
    listener.delivery.retry_due()

    assert (listener.numbers(), listener.parked()) == ([2], [])


def test_what_is_not_parked_cannot_be_retried(listener: Listener, clock: FixedClock) -> None:
    """A typing error in a position is told, not ignored."""
    with pytest.raises(parked.NotParked), listener.storage.system.begin() as db:
        parked_audit.retry(db, "listener.on.greeter", 99, now=clock.now())


@pytest.mark.servers
def test_what_comes_while_its_stream_is_retried_does_not_wait_for_ever(
    producer: Storage,
    clock: FixedClock,
    postgresql_url: str,
    at_points: Callable[[faults.Hook], None],
) -> None:
    """It would be parked behind an event that is gone: nobody would ever try it again."""
    storage = storage_at(postgresql_url, "listener")
    retrying, other = (listening(storage, producer, clock) for _ in range(2))
    greet(producer, "a", [1])
    retrying.fails = fail_on(1, Unavailable("down"))
    deliver_all(producer, retrying)
    clock.advance(timedelta(hours=1))
    trying, go, tried = (threading.Event() for _ in range(3))

    def hold_up(_number: int) -> None:
        trying.set()
        assert go.wait(DEADLINE)

    def go_first(point: str) -> None:
        if point == f"{other.inbox.name}.before_commit":
            go.set()
            assert tried.wait(DEADLINE)

    retrying.fails = hold_up
    greet(producer, "a", [2])
    with ThreadPoolExecutor() as pool:
        retry = pool.submit(retrying.delivery.retry_due)
        retry.add_done_callback(lambda _: tried.set())
        assert trying.wait(DEADLINE)
        at_points(go_first)
        delivery = pool.submit(deliver_all, producer, other)
        until_it_waits(delivery, storage.database)
        go.set()
        assert retry.result(DEADLINE) == 1
        delivery.result(DEADLINE)

    other.delivery.retry_due()
    assert (other.numbers(), other.parked()) == ([1, 2], [])
    storage.database.close()
