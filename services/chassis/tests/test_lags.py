"""What an operator measures is recorded where it happens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus_service import Greeted, Listener, embedded, greet, registry
from chassis import lags
from chassis.blueprint import Blueprint
from chassis.errors import Conflict
from chassis.health import readiness
from chassis.processes import Process, Reaction
from chassis.projections import Projection
from chassis.roles import followers_of
from chassis.storage import Storage
from chassis.telemetry.setup import InMemory
from chassis.testing.contexts import NOW, context
from chassis.testing.telemetry import recorded_telemetry
from chassis.timers import TimerFired, set_timer
from chassis.upstream import Upstream

_view: Projection = Projection("greetings")
_view.on(Greeted)(lambda *_: None)
BLUEPRINT = Blueprint(
    name="greeter",
    registry=registry,
    upstream=Upstream(),
    edge="nowhere:Nothing",
    projections=[_view],
    processes=[
        Process(
            name="host",
            initial=TimerFired(process="", key="", name="", due_at=NOW),
            triggers=(Greeted,),
            key_of=lambda _: None,
            react=lambda state, _: Reaction(state=state),
        )
    ],
    gateways={"mail": lambda _: {"greeted": lambda _: None}},
)


@pytest.fixture
def recorded() -> Iterator[InMemory]:
    with recorded_telemetry() as running:
        yield running


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


@pytest.fixture
def listener(tmp_path: Path, storage: Storage) -> Iterator[Listener]:
    listening = embedded(tmp_path, "listener")
    yield Listener(listening, storage)
    listening.database.close()


def measured(recorded: InMemory, name: str) -> dict[Any, Any]:
    """Return a metric's values by its labels."""
    points = recorded.measurements().get(name, [])
    return {
        tuple(sorted(labels.values())): getattr(point, "value", getattr(point, "count", None))
        for labels, point in points
    }


def test_appends_are_counted_and_timed_by_their_outcome(
    storage: Storage, recorded: InMemory
) -> None:
    """An operator sees how many events a second there are, and when writers collide."""
    greet(storage, "a", range(3))
    with pytest.raises(Conflict), storage.begin(context()) as work:
        work.add("a", [Greeted(number=1)])
    with pytest.raises(ValueError, match="no"), storage.begin(context()) as work:
        raise ValueError("no")

    assert measured(recorded, "sixfold.log.appended") == {(): 3}
    assert measured(recorded, "sixfold.log.append.duration") == {("done",): 3, ("conflict",): 1}


def test_lags_are_sampled_for_every_reader(storage: Storage, recorded: InMemory) -> None:
    """A reader that stands still shows as a number that grows, and falls when it goes on."""
    greet(storage, "a", range(4))

    lags.sample(BLUEPRINT, storage)

    assert measured(recorded, "sixfold.sequencer.lag") == {(): 0}
    assert measured(recorded, "sixfold.publisher.lag") == {(): 4}
    assert measured(recorded, "sixfold.projection.lag") == {("greetings",): 4}
    assert measured(recorded, "sixfold.subscription.lag") == {
        ("host", "own"): 4,
        ("mail", "own"): 4,
    }
    for follower in followers_of(BLUEPRINT, storage):
        follower.step()
    lags.sample(BLUEPRINT, storage)
    assert measured(recorded, "sixfold.projection.lag") == {("greetings",): 0}
    assert measured(recorded, "sixfold.publisher.lag") == {(): 4}


def test_overdue_timers_are_counted_by_process(storage: Storage, recorded: InMemory) -> None:
    """Deadlines that nobody announces are noticed."""
    lags.sample(BLUEPRINT, storage)
    assert measured(recorded, "sixfold.timer.due") == {("host",): 0}
    with storage.system.begin() as db:
        set_timer(db, context(), process="host", key="a", name="wake", due_at=NOW)

    lags.sample(BLUEPRINT, storage)

    assert measured(recorded, "sixfold.timer.due") == {("host",): 1}


def test_processes_that_stand_still_are_counted_unless_a_timer_will_wake_them(
    storage: Storage, recorded: InMemory
) -> None:
    """An order that nobody goes on with would be found when its buyer asks."""
    lags.sample_slowly(BLUEPRINT, storage)
    assert measured(recorded, "sixfold.process.orphans") == {("host",): 0}
    with storage.database.begin() as db:
        db.exec_driver_sql(
            """INSERT INTO processes (tenant, process, key, finished, advanced_at, last) VALUES
            ('acme', 'host', 'stuck', FALSE, 1, 'x'), ('acme', 'host', 'waiting', FALSE, 1, 'x'),
            ('acme', 'host', 'done', TRUE, 1, 'x')"""
        )
        set_timer(db, context(), process="host", key="waiting", name="wake", due_at=NOW)

    lags.sample_slowly(BLUEPRINT, storage)

    assert measured(recorded, "sixfold.process.orphans") == {("host",): 1}


def test_parked_events_are_counted_until_they_are_gone(
    storage: Storage, listener: Listener, recorded: InMemory
) -> None:
    """Poison shows on the board, and its healing too."""
    greet(storage, "a", [1, 2])
    listener.fails = lambda _: ValueError("no")
    with storage.system.read() as db:
        listener.inbox.receive(storage.log(db).after(0, limit=10))
    key = ("greeter", "listener.on.greeter")

    lags.sample(BLUEPRINT, listener.storage)
    assert measured(recorded, "sixfold.subscription.parked")[key] == 2
    assert measured(recorded, "sixfold.subscription.handled") == {
        ("greeter", *key[1:], "parked"): 2
    }

    listener.fails = lambda _: None
    with listener.storage.system.begin() as db:
        db.exec_driver_sql("UPDATE parked SET due_at = 1 WHERE due_at IS NOT NULL")
    while listener.delivery.retry_due():
        pass
    lags.sample(BLUEPRINT, listener.storage)
    assert measured(recorded, "sixfold.subscription.parked")[key] == 0


def test_a_stale_read_model_makes_the_service_not_ready(storage: Storage) -> None:
    """No page is served that shows last week."""
    check = lags.read_models_fresh(BLUEPRINT, storage, limit=3)
    greet(storage, "a", range(3))
    assert readiness([check])[0]

    greet(storage, "a", [3])
    ready, (answer,) = readiness([check])
    assert not ready
    assert answer.problem == "4 events behind, allowed are 3"

    view = next(f for f in followers_of(BLUEPRINT, storage) if f.name == "projections")
    view.step()
    assert readiness([check])[0]


def test_a_service_without_read_models_is_never_behind(storage: Storage) -> None:
    """Readiness asks only for what there is."""
    greet(storage, "a", range(3))
    plain = Blueprint(
        name="greeter", registry=registry, upstream=Upstream(), edge="nowhere:Nothing"
    )

    assert readiness([lags.read_models_fresh(plain, storage, limit=0)])[0]
