"""States kept in memory are never older, or other, than the log."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from bus_service import Greeted, embedded
from chassis.clock import FixedClock
from chassis.decider import Decider
from chassis.envelope import Envelope
from chassis.states import LONG, Folded, States
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context


@dataclass(frozen=True, kw_only=True, slots=True)
class Greet:
    """Say hello so many times."""

    times: int


COUNTED: Decider[int, Greet, Greeted] = Decider(
    category="counter",
    initial=0,
    decide=lambda count, greet: [Greeted(number=count + n + 1) for n in range(greet.times)],
    evolve=lambda _, event: event.number,
)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


def greet(storage: Storage, times: int) -> None:
    with storage.begin(context()) as work:
        work.execute(COUNTED, 1, Greet(times=times))


def greet_and_fail(storage: Storage) -> None:
    with storage.system.begin() as db:
        work = storage.work_on(db, context())
        work.execute(COUNTED, 1, Greet(times=2))
        work.flush()
        assert storage.work_on(db, context()).load(COUNTED, 1).version == LONG + 2
        raise ZeroDivisionError


def count(storage: Storage) -> tuple[int, int]:
    with storage.begin(context()) as work:
        loaded = work.load(COUNTED, 1)
        return loaded.state, loaded.version


def test_a_long_stream_is_read_on_from_where_it_was(storage: Storage) -> None:
    """The thousandth reservation of an article costs no more than the tenth."""
    greet(storage, LONG)
    assert count(storage) == (LONG, LONG)

    greet(storage, 3)

    kept = storage.states.get("acme", "counter-1")
    assert kept is not None
    assert count(storage) == (LONG + 3, LONG + 3)


def test_what_was_rolled_back_is_forgotten(storage: Storage) -> None:
    """A state that a failed transaction saw does not outlive it."""
    greet(storage, LONG)
    with pytest.raises(ZeroDivisionError):
        greet_and_fail(storage)

    assert count(storage) == (LONG, LONG)


def test_another_log_is_not_mistaken_for_the_one_that_was_read(
    storage: Storage, tmp_path: Path
) -> None:
    """After a restore of another copy nothing is decided on what is gone."""
    greet(storage, LONG)
    count(storage)
    folder = tmp_path / "other"
    folder.mkdir()
    other = replace(embedded(folder), states=storage.states)
    greet(other, LONG + 5)

    assert count(other) == (LONG + 5, LONG + 5)
    other.database.close()


def test_the_longest_unused_are_forgotten(storage: Storage) -> None:
    """A service with a million streams doesn't keep them all."""
    greet(storage, LONG)
    count(storage)
    kept = storage.states.get("acme", "counter-1")
    assert kept is not None
    few = States(limit=2)
    for name in "abc":
        few.keep("acme", name, kept)

    assert [few.get("acme", name) is not None for name in "abc"] == [False, True, True]


def test_nothing_personal_is_kept(storage: Storage) -> None:
    """An erasure needs no process to be restarted."""
    greet(storage, LONG)
    count(storage)
    kept = storage.states.get("acme", "counter-1")
    assert kept is not None
    states = States()

    states.keep("acme", "counter-1", replace(kept, personal=True))

    assert states.get("acme", "counter-1") is None


def test_an_undone_command_that_is_done_again_is_not_taken_for_itself(storage: Storage) -> None:
    """Its event has the same id and version, but may stand on top of other events."""
    first = Folded(state=1).after(1, [_event(storage, NOW)])

    assert first.ends_with(_event(storage, NOW))
    assert not first.ends_with(_event(storage, NOW + timedelta(seconds=1)))


def _event(storage: Storage, recorded_at: datetime) -> Envelope:
    fixed = replace(storage, clock=FixedClock(recorded_at), states=States())
    once = context(command_id=UUID(int=7))
    with fixed.system.read() as db:
        undone = db.begin_nested()
        work = fixed.work_on(db, once)
        work.execute(COUNTED, 9, Greet(times=1))
        work.flush()
        (event,) = work.log.stream(work.tenant, "counter-9")
        undone.rollback()
    return event
