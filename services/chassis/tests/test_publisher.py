"""The checkpoint of the publisher says what the broker has for certain, and never moves back."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bus_service import embedded, greet
from chassis import checkpoints
from chassis.envelope import Recorded
from chassis.errors import Conflict, Unavailable
from chassis.publisher import NAME, Publisher
from chassis.storage import Storage

EVENTS = 30


class Bus:
    """Takes events; ``before_settling`` runs before they count, and may raise."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.opened = self.closed = self.settled = 0
        self.before_settling: Callable[[], None] = lambda: None

    def connect(self) -> "Bus":
        self.opened += 1
        return self

    def send(self, events: Sequence[Recorded]) -> None:
        self.taken += [event.position for event in events]

    outdated = False

    def settle(self) -> None:
        self.before_settling()
        self.settled += 1

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    greet(storage, "a", range(EVENTS))
    yield storage
    storage.database.close()


@pytest.fixture
def bus() -> Bus:
    return Bus()


def publisher(storage: Storage, bus: Bus) -> Publisher:
    return Publisher("greeter", storage.database, bus.connect, batch=4, window=10)


def position(storage: Storage) -> int:
    with storage.system.read() as db:
        return checkpoints.position(db, NAME)


def test_a_log_is_published_once_and_in_order(storage: Storage, bus: Bus) -> None:
    """Consumers need not ask for what is missing, and are told nothing twice."""
    publishing = publisher(storage, bus)

    assert [publishing.step() for _ in range(4)] == [10, 10, 10, 0]
    assert bus.taken == list(range(1, EVENTS + 1))
    assert bus.opened == 1


def test_what_is_not_confirmed_is_published_again(storage: Storage, bus: Bus) -> None:
    """A broker that lost its last seconds is told of them again."""
    publishing = publisher(storage, bus)
    assert publishing.step() == 10
    bus.before_settling = lost
    with pytest.raises(Unavailable):
        publishing.step()
    assert position(storage) == 10
    assert bus.closed == 1

    bus.before_settling = lambda: None
    assert publishing.step() == 10
    assert bus.taken == [*range(1, 21), *range(11, 21)]
    assert bus.opened == 2


def lost() -> None:
    raise Unavailable("lost")


def test_a_publisher_that_was_overtaken_moves_nothing_back(storage: Storage, bus: Bus) -> None:
    """A frozen process that comes back publishes a little again and spoils no checkpoint."""
    other = publisher(storage, Bus())
    frozen = publisher(storage, bus)

    def overtake() -> None:
        while other.step():
            pass

    bus.before_settling = overtake
    with pytest.raises(Conflict):
        frozen.step()

    assert position(storage) == EVENTS
    assert frozen.step() == 0


def test_an_idle_publisher_looks_after_its_connection(storage: Storage, bus: Bus) -> None:
    """A broker that went away in the night is noticed before the first event of the day."""
    publishing = publisher(storage, bus)
    while publishing.step():
        pass
    bus.before_settling = lost

    with pytest.raises(Unavailable):
        publishing.step()

    bus.before_settling = lambda: None
    assert publishing.step() == 0
    assert bus.opened == 1
