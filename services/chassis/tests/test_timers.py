"""A timer turns into exactly one event, at the moment it was set for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import RowMapping

from bus_service import embedded
from chassis import timers
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from chassis.timers import TimerFired, cancel_timer, fire_due, next_due, overdue, set_timer


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


def after(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def wish(storage: Storage, key: str, minutes: int, name: str = "wake") -> None:
    with storage.system.begin() as db:
        set_timer(db, context(), process="host", key=key, name=name, due_at=after(minutes))


def take_back(storage: Storage, key: str) -> None:
    with storage.system.begin() as db:
        cancel_timer(db, "acme", process="host", key=key, name="wake")


def at(storage: Storage, minutes: int) -> Storage:
    return replace(storage, clock=FixedClock(after(minutes)))


def fired(storage: Storage) -> list[TimerFired]:
    return [storage.registry.decode(event, storage.keys) for event in recorded(storage)]


def recorded(storage: Storage) -> list[Recorded]:
    with storage.system.read() as db:
        return list(storage.log(db).after(0, limit=100))


def test_a_timer_fires_once_and_not_before(storage: Storage) -> None:
    """A reminder comes when it is due, and only then, and only once."""
    wish(storage, "a", 10)

    assert fire_due(at(storage, 9)) == 0
    assert fire_due(at(storage, 10)) == 1
    assert fire_due(at(storage, 11)) == 0

    assert fired(storage) == [TimerFired(process="host", key="a", name="wake", due_at=after(10))]


def test_a_late_timer_happens_when_it_was_due(storage: Storage) -> None:
    """An outage of an hour moves no deadline."""
    wish(storage, "a", 10)

    fire_due(at(storage, 70))

    (event,) = recorded(storage)
    assert (event.occurred_at, event.recorded_at) == (after(10), after(70))
    assert (event.stream, event.actor) == ("host-a", "timer")


def test_timers_fire_in_the_order_they_were_due(storage: Storage) -> None:
    """After an outage what was due first happens first."""
    for key, minutes in (("c", 30), ("a", 10), ("b", 20), ("d", 10)):
        wish(storage, key, minutes)

    assert fire_due(at(storage, 60), limit=3) == 3
    assert fire_due(at(storage, 60)) == 1

    assert [event.key for event in fired(storage)] == ["a", "d", "b", "c"]


def test_a_new_wish_replaces_the_old_one(storage: Storage) -> None:
    """A deadline that was moved does not come twice."""
    wish(storage, "a", 10)
    wish(storage, "a", 20)

    assert fire_due(at(storage, 15)) == 0
    assert fire_due(at(storage, 25)) == 1
    assert [event.due_at for event in fired(storage)] == [after(20)]


def test_a_wish_that_was_taken_back_never_comes(storage: Storage) -> None:
    """Who has paid is not reminded."""
    wish(storage, "a", 10)
    take_back(storage, "a")

    assert fire_due(at(storage, 15)) == 0
    assert fired(storage) == []


def test_a_wish_taken_back_at_the_last_moment_never_comes(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between being seen as due and firing, a timer can still be cancelled or moved."""
    for key in ("a", "b", "c"):
        wish(storage, key, 10)
    fire = timers._fire

    def meanwhile(where: Storage, row: RowMapping) -> bool:
        if row["key"] == "a":
            take_back(storage, "b")
            wish(storage, "c", 20)
        return fire(where, row)

    monkeypatch.setattr(timers, "_fire", meanwhile)
    assert fire_due(at(storage, 15)) == 1
    assert fire_due(at(storage, 25)) == 1

    assert [(event.key, event.due_at) for event in fired(storage)] == [
        ("a", after(10)),
        ("c", after(20)),
    ]


def test_a_second_process_cannot_fire_it_again(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two relays that see the same timer record one event."""
    wish(storage, "a", 10)
    neighbour = replace(at(storage, 15), database=Database(storage.database.url))
    fire = timers._fire

    def both(where: Storage, row: RowMapping) -> bool:
        return fire(neighbour, row) | fire(where, row)

    monkeypatch.setattr(timers, "_fire", both)
    assert fire_due(at(storage, 15)) == 1
    neighbour.database.close()

    assert len(fired(storage)) == 1


def test_a_timer_that_fired_is_not_fired_again_by_a_replay(storage: Storage) -> None:
    """The same wish, made again while the past is run again, has no second effect."""
    wish(storage, "a", 10)
    fire_due(at(storage, 10))

    wish(storage, "a", 10)
    fire_due(at(storage, 10))

    assert len(fired(storage)) == 1
    with storage.system.read() as db:
        assert next_due(db) is None


def test_an_operator_sees_what_is_due(storage: Storage) -> None:
    """A stuck timer loop shows as a number that grows."""
    wish(storage, "a", 10)
    wish(storage, "b", 20)
    wish(storage, "b", 5, name="other")

    with storage.system.read() as db:
        assert next_due(db) == after(5)
        assert overdue(db, after(10)) == {"host": 2}
        assert overdue(db, after(1)) == {}
