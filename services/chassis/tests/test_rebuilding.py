"""A read model built anew beside the live one, on both databases, while the service goes on."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

import belfry
from belfry import Hung, Melted, Rung, Silenced, bells, blueprint, record, ringers, rings, settle
from belfry_at_work import Going
from chassis import checkpoints, faults, gate, parked
from chassis.changes import Changes, put
from chassis.envelope import Envelope
from chassis.errors import Conflict, Unavailable
from chassis.projections import Projection
from chassis.rebuilding import (
    CannotBuildAnew,
    NoSuchReadModel,
    NoSuchVersion,
    ReadModel,
    VersionsDiffer,
)
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from chassis.timers import set_timer

Result = TypeVar("Result")
DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)]
HISTORY = [
    Hung(bell="maria", tower="north"),
    Hung(bell="anna", tower="north"),
    Hung(bell="bruno", tower="south"),
    Rung(bell="maria", times=3),
    Rung(bell="anna", times=1),
    Silenced(tower="north"),
    Rung(bell="maria", times=2),
    Rung(bell="bruno", times=5),
    Melted(bell="anna"),
]


class Crash(BaseException):
    """The process is gone; nobody catches that."""


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/belfry.db"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    storage = belfry.made(url)
    record(storage, HISTORY)
    settle(storage)
    yield storage
    faults.set_hook(None)
    storage.database.close()


def model(storage: Storage, name: str = "rings", *, page: int = 4) -> ReadModel:
    return ReadModel(storage, blueprint(), name, page=page)


def shown(storage: Storage) -> tuple[object, object]:
    return belfry.rows(storage, bells), belfry.rows(storage, ringers)


def crash_at(point: str) -> None:
    def hook(reached: str) -> None:
        if reached == point:
            raise Crash

    faults.set_hook(hook)


@pytest.mark.parametrize("name", ["rings", "ringers"])
def test_a_version_built_anew_is_the_same_and_takes_the_place(storage: Storage, name: str) -> None:
    """A page would lose rows, or stand still, after a rebuild."""
    built = model(storage, name)
    built.begin()
    found = built.compare()
    built.swap()
    record(storage, [Hung(bell="zoe", tower="south"), Rung(bell="zoe", times=1)])
    settle(storage)

    assert found.equal
    assert found.position == len(HISTORY)
    assert found.rows > 1
    assert shown(storage) == belfry.expected(storage)


def test_progress_is_seen(storage: Storage) -> None:
    """An operator would not know whether a rebuild of an hour moves at all."""
    built = model(storage)
    built.begin()

    assert built.step() == 4
    standing = built.standing()

    assert (standing.head, standing.live, standing.next) == (len(HISTORY), len(HISTORY), 4)
    assert standing.previous is None


def test_the_version_before_comes_back_with_its_place(storage: Storage) -> None:
    """A rebuild that turned out wrong could not be taken back, or would skip what came since."""
    belfry.tamper(storage, "UPDATE bells SET rings = 100 WHERE bell = 'maria'")
    built = model(storage)
    built.begin()
    built.swap(accept_differences=True)
    record(storage, [Rung(bell="maria", times=7), Rung(bell="bruno", times=1)])
    settle(storage)
    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]

    built.rollback()
    settle(storage)

    counted = {row["bell"]: row["rings"] for row in belfry.rows(storage, bells)}
    assert counted == {"maria": 107, "bruno": 6}


def test_differences_are_named_and_hold_up_a_swap(storage: Storage) -> None:
    """A read model that had gone wrong would be replaced, or kept, without anybody noticing."""
    belfry.tamper(storage, "UPDATE bells SET rings = 100 WHERE bell = 'maria'")
    belfry.tamper(storage, "DELETE FROM bells WHERE bell = 'bruno'")
    belfry.tamper(storage, "INSERT INTO bells VALUES ('acme', 'ghost', 'north', 1)")
    built = model(storage)
    built.begin()

    with pytest.raises(VersionsDiffer) as refused:
        built.swap()

    found = refused.value.comparison
    shown = {one.key["bell"]: (one.only_in, one.columns.get("rings")) for one in found.first}
    assert found.differing == 3
    assert shown == {
        "bruno": ("next", (None, "5")),
        "ghost": ("live", ("1", None)),
        "maria": (None, ("100", "2")),
    }
    built.swap(accept_differences=True)
    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]


POINTS = (
    "rebuild.begun", "@next.handled", "rebuild.before_commit", "rebuild.committed",
    "rebuild.before_exchange", "rebuild.before_exchanged", "rebuild.exchanged",
)  # fmt: skip


@pytest.mark.parametrize("name", ["rings", "ringers"])
def test_a_crash_at_any_point_leaves_one_whole_version(storage: Storage, name: str) -> None:
    """A page would show half of a read model until somebody repairs it by hand."""
    for point in POINTS:
        crash_at(point.replace("@", f"{name}@"))
        with pytest.raises(Crash):
            _build_and_swap(storage, name)
        faults.set_hook(None)
        assert shown(storage) == belfry.expected(storage), point

        record(storage, [Rung(bell="maria", times=1)])
        _build_and_swap(storage, name)
        settle(storage)
        assert shown(storage) == belfry.expected(storage), point


def _build_and_swap(storage: Storage, name: str) -> None:
    built = model(storage, name)
    built.begin(resume=True)
    belfry.number(storage)
    settle(storage)
    built.swap()


def test_a_killed_swap_has_not_happened(storage: Storage, url: str) -> None:
    """Kill -9 in the middle of a swap would leave neither the old nor the new rows."""
    model(storage).begin()
    program = (
        "import belfry; from chassis.rebuilding import ReadModel;"
        f"ReadModel(belfry.opened({url!r}), belfry.blueprint(), 'rings').swap()"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program],
        env={
            "PYTHONPATH": str(Path(__file__).parent),
            "CRASH_AT": "rebuild.before_exchanged",
        },
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert killed.returncode == -9, killed.stderr.decode()
    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]
    model(storage).swap()
    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]


@pytest.mark.parametrize("name", ["rings", "ringers"])
def test_the_service_goes_on_through_rebuild_swap_and_rollback(storage: Storage, name: str) -> None:
    """An event at the moment of a swap would be counted twice, or never."""
    built = model(storage, name, page=50)
    with Going(storage) as going:
        for number in range(100):
            built.begin()
            assert _again(built.compare).equal
            _again(built.swap)
            _again(built.rollback)
            if number > 1 and going.written > 20:  # a busy machine lets few be written in a round
                break

    assert going.failed == []
    assert going.written > 20
    assert shown(storage) == belfry.expected(storage)
    assert built.standing().live == built.standing().head


def _again(act: Callable[[], Result]) -> Result:
    """Do as an operator does who was told that the tables were in use."""
    for _ in range(10):
        try:
            return act()
        except (Conflict, Unavailable):
            continue
    return act()


def test_an_event_that_cannot_be_folded_is_left_out_and_said(storage: Storage) -> None:
    """One bad event would stop the rebuild, or be missing without a word."""
    record(storage, [Rung(bell="maria", times=-1), Rung(bell="bruno", times=1)])
    settle(storage)
    built = model(storage)
    built.begin()

    found = built.compare()

    assert (found.differing, found.parked, found.equal) == (0, 1, False)
    built.swap(accept_differences=True)
    with storage.system.read() as db:
        assert parked.count_by_subscription(db) == {"rings": 1, "rings@previous": 1}


def test_nothing_happens_a_second_time(storage: Storage) -> None:
    """A rebuild would set timers, record events or send mails of last year again."""
    effects: list[str] = []
    eager = Projection("eager", [bells])

    @eager.fold(Hung)
    def _(event: Hung, stored: Envelope) -> Changes:
        with storage.system.read() as db:
            set_timer(db, context(), process="p", key="k", name="n", due_at=NOW)
        yield put(bells, tenant=stored.tenant, bell=event.bell, tower=event.tower, rings=0)

    @eager.effect(Rung)
    def _(event: Rung, _envelope: Envelope, _db: Connection) -> None:
        effects.append(event.bell)

    built = ReadModel(storage, blueprint(eager), "eager")
    with storage.system.begin() as db:
        checkpoints.move_whole(db, "eager", old=0, new=len(HISTORY))
    built.begin()
    with pytest.raises(gate.GateShut, match="no timer during the rebuild of eager"):
        built.compare()
    with pytest.raises(gate.GateShut, match="no event"), gate.shut("a test"):
        record(storage, [Melted(bell="maria")])

    assert built.standing().next == 0
    assert effects == []


def test_an_effect_happens_once_and_live(storage: Storage) -> None:
    """A rebuild would tell everybody again, or the relay would tell nobody."""
    effects: list[str] = []
    telling = Projection("telling", [bells])
    for event, fold in rings._folds.items():
        telling.fold(event)(fold)

    @telling.effect(Rung)
    def _(event: Rung, _envelope: Envelope, _db: Connection) -> None:
        effects.append(event.bell)

    belfry.tamper(storage, "DELETE FROM bells")
    settle(storage, telling)
    built = ReadModel(storage, blueprint(telling), "telling")
    built.begin()
    built.swap()

    assert effects == ["maria", "anna", "maria", "bruno"]


def test_what_the_log_alone_cannot_build_is_refused(storage: Storage) -> None:
    """An erasure would be undone, or live rows be written twice, by a rebuild."""
    erased = Projection("erased", [bells], also_written="an erasure deletes rows")
    stepped = Projection("stepped", [bells])
    stepped.on(Hung)(lambda *_: None)

    for projection, reason in ((erased, "an erasure deletes rows"), (stepped, "steps of SQL")):
        with pytest.raises(CannotBuildAnew, match=reason):
            ReadModel(storage, blueprint(projection), projection.name).begin()
    with pytest.raises(NoSuchReadModel, match="belfry has rings, ringers"):
        model(storage, "organ")
    with pytest.raises(NoSuchVersion):
        model(storage).swap()
    with pytest.raises(NoSuchVersion):
        model(storage).rollback()


def test_a_new_name_reads_from_the_first_event(storage: Storage) -> None:
    """A renamed read model would show only what happens from now on."""
    belfry.tamper(storage, "DELETE FROM bells")
    renamed = Projection("rings_of_today", [bells])
    for event, fold in rings._folds.items():
        renamed.fold(event)(fold)

    settle(storage, renamed)

    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]
