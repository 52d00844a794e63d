"""A process carries out its steps, undoes them when one is refused, and survives any crash."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import assert_never

import pytest

from bus_service import embedded
from chassis import faults, processes
from chassis.decider import Decider
from chassis.delivery import Delivery
from chassis.errors import Rejected
from chassis.events import EventRegistry
from chassis.follower import Follower
from chassis.processes import Process, Reaction, Refused, Step, Timer, UseCase, handlers_of, orphans
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from chassis.timers import TimerFired, fire_due
from chassis.unit_of_work import UnitOfWork

registry = EventRegistry("greeter")
processes.declare(registry)


@registry.event("guest_arrived")
@dataclass(frozen=True, kw_only=True, slots=True)
class GuestArrived:
    """A guest came to the door."""

    guest_id: str


@registry.event("seat_given")
@dataclass(frozen=True, kw_only=True, slots=True)
class SeatGiven:
    """A guest got a seat."""


@registry.event("seat_returned")
@dataclass(frozen=True, kw_only=True, slots=True)
class SeatReturned:
    """A guest's seat was free again."""


@registry.event("meal_served")
@dataclass(frozen=True, kw_only=True, slots=True)
class MealServed:
    """A guest got a meal."""


class KitchenClosed(Rejected):
    """No meal is served for this guest."""

    code = "kitchen_closed"


def decide_hall(_: None, command: str) -> list[object]:
    if command == "starving":
        raise KitchenClosed
    return [{"seat": SeatGiven, "unseat": SeatReturned, "serve": MealServed}[command]()]


HALL = Decider(category="hall", initial=None, decide=decide_hall, evolve=lambda state, _: state)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hosting:
    """What the host knows of one guest."""

    guest_id: str = ""
    outcome: str = "waiting"


def step(name: str, state: Hosting, command: str) -> Step:
    return Step(name=name, decider=HALL, entity_id=state.guest_id, command=command)


def react(state: Hosting, trigger: GuestArrived | TimerFired | Refused) -> Reaction[Hosting]:
    match trigger:
        case GuestArrived():
            known = replace(state, guest_id=trigger.guest_id)
            wake = Timer(name="meal", due_at=NOW + timedelta(minutes=5))
            return Reaction(state=known, steps=[step("seat", known, "seat")], timers=[wake])
        case TimerFired():
            hungry = "starving" if state.guest_id == "late" else "serve"
            fed = replace(state, outcome="fed")
            return Reaction(state=fed, steps=[step("serve", state, hungry)], finished=True)
        case Refused():
            sent = replace(state, outcome=trigger.code)
            return Reaction(state=sent, steps=[step("unseat", state, "unseat")], finished=True)
        case _:
            assert_never(trigger)


HOST: Process[Hosting] = Process(
    name="host",
    initial=Hosting(),
    triggers=(GuestArrived,),
    key_of=lambda event: None if event.guest_id == "stranger" else event.guest_id,
    react=react,
)


class Crash(BaseException):
    """The process is gone; nobody catches that."""


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = replace(embedded(tmp_path), registry=registry)
    yield storage
    faults.set_hook(None)
    storage.database.close()


def arrive(storage: Storage, *guests: str) -> None:
    for guest in guests:
        with storage.begin(context()) as work:
            work.add(f"door-{guest}", [GuestArrived(guest_id=guest)])


def follower(storage: Storage, process: Process[Hosting]) -> Follower:
    handlers = handlers_of(storage, process)
    return Follower(Delivery(process.name, storage.database, handlers), storage.database)


def settle(storage: Storage, process: Process[Hosting] | None = None) -> None:
    while follower(storage, process or HOST).step() + fire_due(storage):
        pass


def types(storage: Storage) -> list[str]:
    with storage.system.read() as db:
        return [event.type for event in storage.log(db).after(0, limit=100)]


def test_run_feeds_a_refusal_back() -> None:
    """A step that was refused is compensated in the same breath."""
    codes = {"seat": None, "serve": "kitchen_closed", "unseat": None}
    fired = TimerFired(process="host", key="g", name="meal", due_at=NOW)

    state, done, refused, timers, finished = processes.run(
        HOST, Hosting(guest_id="g"), fired, lambda step: codes[step.name]
    )

    assert (done, refused, finished) == (["unseat"], ["serve"], True)
    assert (state.outcome, timers) == ("kitchen_closed", {})


def test_run_returns_the_timers_that_are_wished() -> None:
    """A process asks to be told, and does not wait."""
    state, done, refused, timers, finished = processes.run(
        HOST, Hosting(), GuestArrived(guest_id="g"), lambda _: None
    )

    assert (state.guest_id, done, refused, finished) == ("g", ["seat"], [], False)
    assert timers == {"meal": NOW + timedelta(minutes=5)}


def test_a_use_case_is_a_step_too(storage: Storage) -> None:
    """What needs more than one aggregate is done, or refused, as one step."""

    def serve(work: UnitOfWork) -> None:
        if work.tenant == "acme":
            raise KitchenClosed

    def serve_at_once(state: Hosting, trigger: object) -> Reaction[Hosting]:
        if isinstance(trigger, Refused):
            return Reaction(state=replace(state, outcome=trigger.code), finished=True)
        return Reaction(state=state, steps=[UseCase(name="serve", run=serve)])

    process = replace(HOST, react=serve_at_once)
    arrive(storage, "ada")
    delivery = Delivery("host", storage.database, handlers_of(storage, process))
    Follower(delivery, storage.database).step()

    with storage.system.read() as db:
        (stored,) = storage.log(db).stream("acme", "host-ada")
    advanced = registry.decode(stored, storage.keys)
    assert (advanced.refused_steps, advanced.state["outcome"]) == (("serve",), "kitchen_closed")


def test_a_process_goes_its_way_through_the_log(storage: Storage) -> None:
    """Each guest is seated at once and fed when the time has come."""
    arrive(storage, "ada", "stranger")
    settle(storage)
    assert types(storage).count("seat_given") == 1

    storage.clock.advance(timedelta(minutes=6))
    settle(storage)

    assert [name for name in types(storage) if name.startswith(("seat", "meal"))] == [
        "seat_given",
        "meal_served",
    ]
    with storage.system.read() as db:
        first, fired, last = storage.log(db).stream("acme", "host-ada")
    assert [stored.type for stored in (first, fired, last)] == [
        "process_advanced",
        "timer_fired",
        "process_advanced",
    ]
    assert last.causation_id == fired.id
    assert registry.decode(last, storage.keys).state == {"guest_id": "ada", "outcome": "fed"}


def test_an_instance_begins_with_what_begins_it(storage: Storage) -> None:
    """Every event that might be about an instance would begin one, which then never ends."""
    arrive(storage, "ada")
    settle(storage, replace(HOST, begun_by=(TimerFired,)))
    assert "process_advanced" not in types(storage)

    doorman = replace(HOST, name="doorman", begun_by=(GuestArrived,))
    settle(storage, doorman)
    storage.clock.advance(timedelta(minutes=6))
    settle(storage, doorman)
    assert types(storage).count("process_advanced") == 2


def story(storage: Storage) -> list[str]:
    """Return what happened to two guests, one of whom is refused a meal."""
    arrive(storage, "ada", "late")
    settle(storage)
    storage.clock.advance(timedelta(minutes=6))
    settle(storage)
    return types(storage)


@pytest.mark.parametrize(
    ("point", "nth"),
    [
        *product(["host.handled", "host.before_commit", "host.committed"], [1, 2, 3]),
        *product(["timer.before_commit"], [1, 2]),
    ],
)
def test_a_crash_at_any_point_changes_nothing(
    storage: Storage, tmp_path: Path, point: str, nth: int
) -> None:
    """Wherever the process dies, after a restart everything has happened exactly once."""
    (tmp_path / "calm").mkdir()
    calm = replace(embedded(tmp_path / "calm"), registry=registry)
    visits: list[str] = []

    def hook(reached: str) -> None:
        visits.append(reached)
        if reached == point and visits.count(point) == nth:
            raise Crash

    faults.set_hook(hook)
    with pytest.raises(Crash):
        story(storage)
    storage.clock.set(NOW)
    settle(storage)
    storage.clock.set(NOW + timedelta(minutes=6))
    settle(storage)
    faults.set_hook(None)

    assert sorted(types(storage)) == sorted(story(calm))
    with storage.system.read() as db:
        assert orphans(db, before=NOW + timedelta(days=1)) == []
    calm.database.close()


def test_an_instance_that_stands_still_is_reported(storage: Storage) -> None:
    """A guest whom everyone forgot is found by the operator."""
    arrive(storage, "ada")
    settle(storage)

    with storage.system.read() as db:
        assert orphans(db, before=NOW) == []
        (orphan,) = orphans(db, before=NOW + timedelta(seconds=1))
    assert (orphan["process"], orphan["key"], orphan["last"]) == ("host", "ada", "guest_arrived")

    storage.clock.advance(timedelta(minutes=6))
    settle(storage)
    with storage.system.read() as db:
        assert orphans(db, before=NOW + timedelta(days=1)) == []
