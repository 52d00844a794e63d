"""Readers of the own log: each event once in effect, and calls out at least once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from bus_service import Greeted, embedded, greet, seen
from chassis import checkpoints, faults, follower, parked
from chassis.clock import FixedClock
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.errors import Conflict, Unavailable
from chassis.follower import Follower, Gateway, Together
from chassis.projections import Projection
from chassis.read_models import page_delivery
from chassis.storage import Storage
from chassis.testing.contexts import NOW


class Crash(BaseException):
    """The process is gone; nobody catches that."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    faults.set_hook(None)
    storage.database.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


def crash_at(point: str, nth: int) -> None:
    visits: list[str] = []

    def hook(reached: str) -> None:
        visits.append(reached)
        if reached == point and visits.count(point) == nth:
            raise Crash

    faults.set_hook(hook)


def position(storage: Storage, name: str) -> int:
    with storage.system.read() as db:
        return checkpoints.position(db, name)


def waiting(storage: Storage) -> list[parked.Parked]:
    with storage.system.read() as db:
        return parked.listed(db)


class Called:
    """The other end of a gateway: remembers what it was asked, may refuse to answer."""

    def __init__(self, storage: Storage, clock: FixedClock, **more: object) -> None:
        self.positions: list[int] = []
        self.fails: Callable[[int], Exception | None] = lambda _: None
        self.storage = storage
        self.gateway = Gateway("mail", storage.database, {"greeted": self}, clock=clock, **more)

    def __call__(self, event: Recorded) -> None:
        self._assert_no_transaction()
        self.positions.append(event.position)
        if error := self.fails(event.position):
            raise error

    def _assert_no_transaction(self) -> None:
        # One writer at a time: this would wait, and fail, if the gateway held a transaction.
        with self.storage.system.begin() as db:
            db.exec_driver_sql("SELECT 1")
        assert self.storage.database.engine.pool.checkedout() == 0

    def drain(self) -> None:
        while self.gateway.step():
            pass


class Folded:
    """A read model that follows the log."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        projection = Projection("greetings")

        @projection.on(Greeted)
        def _(event: Greeted, envelope: Recorded, db: Connection) -> None:
            db.execute(insert(seen).values(stream=envelope.stream, number=event.number))

        delivery = page_delivery(self.storage, projection)
        self.follower = Follower(delivery, self.storage.database, batch=3)

    def numbers(self) -> list[int]:
        with self.storage.system.read() as db:
            return list(db.scalars(select(seen.c.number).order_by(seen.c.id)))

    def drain(self) -> None:
        while self.follower.step():
            pass


def test_a_read_model_shows_every_event_once(storage: Storage) -> None:
    """A page shows what happened, also when the reader starts again."""
    greet(storage, "a", range(7))
    Folded(storage).drain()
    greet(storage, "a", [7])
    again = Folded(storage)

    again.drain()

    assert again.numbers() == list(range(8))
    assert position(storage, "greetings") == 8


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(
    "point", ["greetings.handled", "greetings.before_commit", "greetings.committed"]
)
def test_a_crash_doubles_and_loses_nothing(storage: Storage, point: str, nth: int) -> None:
    """Wherever the reader dies, every event has its effect once."""
    greet(storage, "a", range(7))
    crash_at(point, nth)
    with pytest.raises(Crash):
        Folded(storage).drain()

    Folded(storage).drain()

    assert Folded(storage).numbers() == list(range(7))


def test_a_call_is_made_for_each_event_outside_any_transaction(
    storage: Storage, clock: FixedClock
) -> None:
    """A slow mail server does not hold the database."""
    greet(storage, "a", range(3))
    called = Called(storage, clock)

    called.drain()

    assert called.positions == [1, 2, 3]
    assert position(storage, "mail") == 3


def test_a_crash_after_a_call_repeats_it(storage: Storage, clock: FixedClock) -> None:
    """A mail may be asked for twice, with the same key, but is never forgotten."""
    greet(storage, "a", range(3))
    called = Called(storage, clock)
    crash_at("mail.called", 2)
    with pytest.raises(Crash):
        called.drain()

    called.drain()

    assert called.positions == [1, 2, 1, 2, 3]


def test_a_long_batch_notes_how_far_it_came(
    storage: Storage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash behind a slow mail server doesn't repeat half an hour of mails."""
    monkeypatch.setattr(follower, "NOTE_SECONDS", 0.0)
    greet(storage, "a", range(3))
    called = Called(storage, clock)
    crash_at("mail.called", 3)
    with pytest.raises(Crash):
        called.drain()

    called.drain()

    assert called.positions == [1, 2, 3, 3]


def test_a_failed_call_holds_up_its_own_stream_only(storage: Storage, clock: FixedClock) -> None:
    """One customer's wrong address stops nobody else's mail."""
    greet(storage, "a", [1, 2])
    greet(storage, "b", [1])
    called = Called(storage, clock)
    called.fails = lambda position: Unavailable("down") if position == 1 else None

    called.drain()

    assert called.positions == [1, 3]
    assert [(p.event.position, p.tries) for p in waiting(storage)] == [(1, 1), (2, 0)]
    assert position(storage, "mail") == 3


def test_a_failed_call_is_tried_again_on_the_ladder(storage: Storage, clock: FixedClock) -> None:
    """What an outage delayed goes out by itself, in the stream's order."""
    greet(storage, "a", [1, 2])
    called = Called(storage, clock, ladder=(10.0, 60.0))
    called.fails = lambda _: Unavailable("down")
    called.drain()

    for seconds, tries in ((9, 1), (2, 2), (50, 2), (10, 3), (60, 4)):
        clock.advance(timedelta(seconds=seconds))
        called.drain()
        assert waiting(storage)[0].tries == tries
    called.fails = lambda _: None
    clock.advance(timedelta(seconds=60))
    called.drain()

    assert waiting(storage) == []
    assert called.positions == [1] * 5 + [2]


def test_what_no_call_is_for_moves_the_checkpoint(storage: Storage, clock: FixedClock) -> None:
    """A gateway that is interested in nothing does not look like one that is stuck."""
    greet(storage, "a", range(3))
    gateway = Gateway("mail", storage.database, {}, clock=clock)

    assert gateway.step() == 3
    assert gateway.step() == 0
    assert position(storage, "mail") == 3


def test_an_error_message_is_kept_without_its_secrets(storage: Storage, clock: FixedClock) -> None:
    """An operator reads what failed, and never a password or somebody's address."""
    greet(storage, "a", [1])
    called = Called(storage, clock)
    called.fails = lambda _: ValueError("cannot mail ada@example.com via smtp://u:hunter2@mx")

    called.drain()

    (kept,) = waiting(storage)
    assert kept.error == "ValueError: cannot mail *** via smtp://***@mx"
    assert "hunter2" not in (kept.trace or "")
    assert "ada@" not in (kept.trace or "")


class Pair:
    """Two read models that follow one log together."""

    def __init__(self, storage: Storage) -> None:
        self.handled: dict[str, list[int]] = {"left": [], "right": []}
        followers = [
            Follower(
                Delivery(name, storage.database, {"greeted": self._handler(name)}),
                storage.database,
            )
            for name in self.handled
        ]
        self.together = Together("both", followers, storage.database)

    def _handler(self, name: str) -> Callable[[Connection, Recorded], None]:
        def handle(_: Connection, event: Recorded) -> None:
            self.handled[name].append(event.position)

        return handle


def test_readers_together_each_see_every_event_once(storage: Storage) -> None:
    """Sharing a transaction takes nothing from anybody."""
    greet(storage, "a", range(3))
    pair = Pair(storage)

    while pair.together.step():
        pass

    assert pair.handled == {"left": [1, 2, 3], "right": [1, 2, 3]}
    assert (position(storage, "left"), position(storage, "right")) == (3, 3)


def test_one_that_stands_elsewhere_catches_up_by_itself(storage: Storage) -> None:
    """A read model that is built anew starts at the first event, beside one that is at the last."""
    greet(storage, "a", range(3))
    with storage.system.begin() as db:
        checkpoints.move_whole(db, "left", old=0, new=2)
    pair = Pair(storage)

    while pair.together.step():
        pass

    assert pair.handled == {"left": [3], "right": [1, 2, 3]}


def test_one_that_somebody_else_moves_does_not_hold_up_the_other(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two relays for a while, as in an update: whoever is beaten for one reader does the others."""
    greet(storage, "a", range(3))
    pair = Pair(storage)
    moving, beaten = checkpoints.move_whole, ["left"]

    def move(db: Connection, name: str, *, old: int, new: int) -> None:
        if name in beaten:
            beaten.remove(name)
            raise Conflict(f"{name} moved")
        moving(db, name, old=old, new=new)

    monkeypatch.setattr(checkpoints, "move_whole", move)

    pair.together.step()

    assert (position(storage, "left"), position(storage, "right")) == (3, 3)
