"""A log comes back as it was at any position, and goes on from there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from archived_logs import add, count, fill
from bus_service import registry
from chassis.backup.making import make
from chassis.backup.manifest import BrokenBackup
from chassis.backup.point_in_time import NotCovered, plan_for, restore_at
from chassis.backup.shelf import Shelf
from chassis.blueprint import Blueprint
from chassis.clock import SystemClock, moment
from chassis.database import Database
from chassis.privacy import MemoryKeys
from chassis.roles import blueprint_of
from chassis.segments.archiving import archive
from chassis.segments.store import store_at
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.servers import PrivatePostgreSQL
from copied_services import (
    EVENTS,
    PRODUCER,
    READER,
    UNPLACED,
    Urls,
    contents,
    files_in,
    filled,
    fresh_databases,
    log_of,
    shelf_at,
)  # fmt: skip

MORE = 50


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Urls, Urls]]:
    """Give two filled databases and two empty ones, on either kind."""
    if request.param == "sqlite":
        source, target = files_in(tmp_path / "source"), files_in(tmp_path / "target")
        filled(source)
        yield source, target
        return
    server: PrivatePostgreSQL = request.getfixturevalue("postgresql")
    made = [fresh_databases(server, request) for _ in range(2)]
    source, target = map(next, made)
    filled(source)
    yield source, target
    for each in made:
        next(each, None)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return shelf_at(str(tmp_path / "backups"))


def storage_of(service: str, url: str) -> tuple[Storage, Blueprint]:
    storage = Storage(
        service=service, database=Database(url), registry=registry, keys=MemoryKeys(),
        clock=SystemClock(), secret=SECRET,
    )  # fmt: skip
    return storage, blueprint_of(service)


def go_on(source: Urls, events: int) -> int:
    """Let the producer record more; return its head."""
    with closing(Database(source[PRODUCER])) as database:
        while not database.is_sqlite:
            with database.begin() as db:
                if not sequence(db):
                    break
        fill(database, events, before=len(log_of(source[PRODUCER])))
    return len(log_of(source[PRODUCER]))


def at(position: int) -> dict[str, int]:
    return {PRODUCER: position, READER: 0}


@pytest.mark.parametrize("position", [EVENTS + UNPLACED, EVENTS + 20, EVENTS + MORE])
def test_a_log_is_cut_between_two_backups(
    pair: tuple[Urls, Urls], shelf: Shelf, position: int
) -> None:
    """Whoever deleted the wrong thing at noon could go back to midnight only."""
    source, target = pair
    make(source, shelf)
    go_on(source, MORE)
    make(source, shelf)
    plan = plan_for(shelf, at(position))
    assert plan.base is not None
    restore_at(plan, shelf, target, storage_of)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])[:position]
    assert contents(target[PRODUCER])["counted"] == contents(source[PRODUCER])["counted"]
    with closing(Database(target[PRODUCER])) as database:
        assert count(database, "commands") == position
        fill(database, 20, before=position)
    assert len(log_of(target[PRODUCER])) == position + 20
    assert log_of(target[READER]) == []


def test_before_the_first_backup_everything_begins_empty(
    pair: tuple[Urls, Urls], shelf: Shelf
) -> None:
    """Without an early backup there would be no way to an early moment."""
    source, target = pair
    make(source, shelf)
    plan = plan_for(shelf, at(40))
    assert plan.base is None
    restore_at(plan, shelf, target, storage_of)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])[:40]
    assert not contents(target[PRODUCER])["counted"]
    with closing(Database(target[PRODUCER])) as database:
        assert count(database, "commands") == 40
        fill(database, 5, before=40)
    assert len(log_of(target[PRODUCER])) == 45


def test_a_moment_is_a_position_in_every_log(pair: tuple[Urls, Urls], shelf: Shelf) -> None:
    """Nobody knows positions at three in the morning."""
    source, _ = pair
    manifest, _ = make(source, shelf)
    assert manifest.vector == {PRODUCER: EVENTS, READER: 0}
    event = log_of(source[PRODUCER])[59]
    assert plan_for(shelf, moment(event.recorded_at)).vector == at(60)
    just_before = moment(event.recorded_at) - timedelta(microseconds=1)
    assert plan_for(shelf, just_before).vector == at(59)
    with pytest.raises(NotCovered):
        plan_for(shelf, moment(manifest.taken) + timedelta(days=1))
    with pytest.raises(NotCovered):
        plan_for(shelf, at(EVENTS + 1))


def test_segments_reach_further_than_the_last_backup(
    pair: tuple[Urls, Urls], shelf: Shelf, tmp_path: Path
) -> None:
    """What was recorded since the last backup would be lost although it was archived."""
    source, target = pair
    make(source, shelf)
    go_on(source, MORE)
    place = str(tmp_path / "segments")
    with closing(Database(source[PRODUCER])) as database:
        archive(database, store_at(place, PRODUCER), PRODUCER, positions=80)
    plan = plan_for(shelf, at(160), segments=place)
    assert plan.cover is None
    restore_at(plan, shelf, target, storage_of, segments=place)
    assert log_of(target[PRODUCER]) == log_of(source[PRODUCER])[:160]


def test_another_history_is_not_put_behind_a_log(shelf: Shelf, tmp_path: Path) -> None:
    """A log would be made of two that never were one."""
    source, other = files_in(tmp_path / "source"), files_in(tmp_path / "other")
    target = files_in(tmp_path / "target")
    filled(source)
    make(source, shelf)
    filled(other)
    go_on(other, MORE)
    make(other, shelf)
    with pytest.raises(BrokenBackup, match="does not continue"):
        restore_at(plan_for(shelf, at(EVENTS + 10)), shelf, target, storage_of)


@pytest.mark.servers
def test_events_without_a_position_are_not_recorded_twice(
    postgresql: PrivatePostgreSQL, request: pytest.FixtureRequest, shelf: Shelf
) -> None:
    """What was waiting for its number when the copy was made would stand in the log twice."""
    databases = fresh_databases(postgresql, request)
    source = next(databases)
    filled(source)
    made, _ = make(source, shelf)
    place = made.database(PRODUCER).log
    assert place is not None
    assert place.unplaced == UNPLACED
    go_on(source, 3)
    make(source, shelf)
    for target in fresh_databases(postgresql, request):
        restore_at(plan_for(shelf, at(EVENTS + UNPLACED + 2)), shelf, target, storage_of)
        with closing(Database(target[PRODUCER])) as database, database.read() as db:
            events = db.execute(text("SELECT count(*), count(DISTINCT id) FROM events")).one()
            assert tuple(events) == (EVENTS + UNPLACED + 2,) * 2
            assert db.execute(text("SELECT count(*) FROM pending")).scalar_one() == 0
    next(databases, None)


def test_the_next_event_is_the_streams_next(pair: tuple[Urls, Urls], shelf: Shelf) -> None:
    """After a cut a stream would go on where it had been, and leave a hole."""
    source, target = pair
    make(source, shelf)
    restore_at(plan_for(shelf, at(40)), shelf, target, storage_of)
    with closing(Database(target[PRODUCER])) as database, database.begin() as db:
        add(db, 40)
    with closing(Database(target[PRODUCER])) as database, database.read() as db:
        events = "SELECT count(*) FROM events WHERE stream = 'thing-0' AND version = 3"
        assert db.execute(text(events)).scalar_one() == 1
