"""A parked event that is tried again around the moment in which its read model is exchanged."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

import belfry
from belfry import Hung, Rung, bells, blueprint
from chassis import faults, parked
from chassis.changes import Changes
from chassis.clock import SystemClock
from chassis.envelope import Envelope
from chassis.errors import Unavailable
from chassis.follower import Follower
from chassis.parked import Parked
from chassis.projections import Projection
from chassis.read_models import page_delivery
from chassis.rebuilding import ReadModel
from chassis.storage import Storage
from waiting import DEADLINE, until_it_waits

AT_ONCE = (0.0,)
broken = Projection("rings", [bells])
broken.fold(Hung)(belfry.hang)


@broken.fold(Rung)
def fail(_event: Rung, _stored: Envelope) -> Changes:
    """Fail as the code of yesterday did."""
    raise Unavailable("a defect of yesterday")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    url = f"sqlite:///{tmp_path}/belfry.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    storage = belfry.made(url)
    yield storage
    faults.set_hook(None)
    storage.database.close()


def waiting(storage: Storage) -> Parked:
    """Return an event that is parked and due, of a read model whose next version has it."""
    belfry.record(storage, [Hung(bell="maria", tower="north"), Rung(bell="maria", times=4)])
    belfry.number(storage)
    Follower(page_delivery(storage, broken, ladder=AT_ONCE), storage.database).step()
    with storage.system.read() as db:
        (late,) = parked.due(db, "rings", SystemClock().now() + timedelta(seconds=1))
    return late


def test_a_retry_that_comes_too_late_folds_nothing(storage: Storage) -> None:
    """A parked event that the new version has folded would be counted a second time."""
    late = waiting(storage)
    built = ReadModel(storage, blueprint(), "rings")
    built.begin()
    built.swap(accept_differences=True)

    belfry.delivery(storage)._retry(late)

    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]


@pytest.mark.parametrize(
    "storage", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)
def test_a_retry_waits_for_a_swap_that_is_under_way(storage: Storage) -> None:
    """The retry would hold the parked row and wait for the tables, the swap the other way round."""
    waiting(storage)
    built = ReadModel(storage, blueprint(), "rings")
    built.begin()
    retries: list[Future[int]] = []

    def retry(point: str) -> None:
        if point == "rebuild.before_exchange":
            retries.append(pool.submit(belfry.delivery(storage).retry_due))
            until_it_waits(retries[0], storage.database)

    with ThreadPoolExecutor() as pool:
        faults.set_hook(retry)
        built.swap(accept_differences=True)
        assert retries[0].result(DEADLINE) == 1

    assert belfry.rows(storage, bells) == belfry.expected(storage)[0]
