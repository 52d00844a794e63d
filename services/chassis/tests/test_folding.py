"""Rows are the same however the log is cut into pages, and whatever type a column has."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    MetaData,
    String,
    Table,
    Uuid,
    select,
)

import belfry
from belfry import Hung, Melted, Rung, Silenced, bells, rings
from chassis import checkpoints
from chassis.changes import Change, RowTaken, add, delete, insert, keep, put, update
from chassis.database import Database
from chassis.errors import Conflict
from chassis.keyed_rows import fold_into
from chassis.projections import Projection
from chassis.storage import Storage

metadata = MetaData()
things = Table(
    "things",
    metadata,
    Column("tenant", String(20), primary_key=True),
    Column("thing_id", Uuid, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("open", Boolean, nullable=False),
    Column("weight", Float),
    Column("parts", JSON),
    Column("at", BigInteger),
    Column("owner", Uuid),
)
KEY = {"tenant": "acme", "thing_id": UUID(int=7), "day": date(2026, 2, 28)}
WHOLE = {
    **KEY, "open": True, "weight": 0.1, "parts": [{"name": 'Ünï "q" \\ \n'}], "at": 2**62,
    "owner": UUID(int=9),
}  # fmt: skip
BELLS = st.sampled_from(["a", "b", "c"])
TOWERS = st.sampled_from(["north", "south"])
EVENTS = st.lists(
    st.one_of(
        st.builds(Hung, bell=BELLS, tower=TOWERS),
        st.builds(Rung, bell=BELLS, times=st.integers(0, 9)),
        st.builds(Silenced, tower=TOWERS),
        st.builds(Melted, bell=BELLS),
    ),
    max_size=25,
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/things.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
    database = Database(url)
    with database.begin() as db:
        metadata.create_all(db)
    yield database
    database.close()


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    storage = belfry.made(f"sqlite:///{tmp_path_factory.mktemp('belfry')}/belfry.db")
    yield storage
    storage.database.close()


def fold(database: Database, *changes: Change) -> None:
    with database.begin() as db:
        fold_into(db, changes)


def found(database: Database) -> list[dict[str, Any]]:
    with database.read() as db:
        return [dict(row) for row in db.execute(select(things)).mappings()]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, pages=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_any_cut_into_pages_gives_the_same_rows(
    storage: Storage, events: list[Any], pages: list[int]
) -> None:
    """A page of a catching-up read model would show what a live one does not."""
    _empty(storage)
    belfry.record(storage, events)
    for page in pages:
        belfry.follower(storage, page=page).step()
    belfry.settle(storage)

    assert belfry.rows(storage, bells) == _folded(events)


def _empty(storage: Storage) -> None:
    with storage.system.begin() as db:
        db.execute(bells.delete())
        head = storage.log(db).head()
        checkpoints.reset(db, rings.name)
        checkpoints.move_whole(db, rings.name, old=0, new=head)


def _folded(events: list[Any]) -> list[dict[str, Any]]:
    """Fold one event after another over a dictionary."""
    counted: dict[str, dict[str, Any]] = {}
    for event in events:
        belfry.count_in(counted, event)
    return [counted[key] for key in sorted(counted)]


def test_values_of_every_type_come_back_as_they_went(database: Database) -> None:
    """A row that was loaded and written again would have changed on the way."""
    fold(database, insert(things, **WHOLE))
    fold(database, update(things, {"tenant": "acme", "owner": UUID(int=9)}, open=False))
    assert found(database) == [{**WHOLE, "open": False}]

    fold(database, put(things, **KEY, open=True), add(things, KEY))

    nothing = dict.fromkeys(("weight", "parts", "at", "owner"))
    assert found(database) == [{**KEY, "open": True, **nothing}]
    fold(database, delete(things, KEY))
    assert found(database) == []


def test_a_new_row_must_be_new_or_is_left_alone(database: Database) -> None:
    """A second order under one number would replace the first without a word."""
    fold(database, keep(things, **WHOLE), keep(things, **{**WHOLE, "at": 1}))

    with pytest.raises(RowTaken, match="things"):
        fold(database, insert(things, **WHOLE))

    assert found(database) == [WHOLE]


@pytest.mark.servers
def test_whoever_is_second_to_add_a_row_has_to_look_again(postgresql_url: str) -> None:
    """Two commands at one moment would both believe that the name is theirs."""
    database = Database(postgresql_url)
    with database.begin() as db:
        metadata.create_all(db)

    def beaten(row: Any) -> Any:
        # Between the look and the write somebody else commits.
        fold(database, insert(things, **WHOLE))
        return {**WHOLE, "at": 2} if row is None else row

    with pytest.raises(Conflict, match="things"):
        fold(database, Change(things, KEY, beaten))

    assert found(database) == [WHOLE]
    database.close()


def test_a_fold_changes_only_tables_that_its_projection_names() -> None:
    """A rebuild would write to live rows of another read model."""
    stray = Projection("stray", [bells])

    @stray.fold(Rung)
    def _(_event: Rung, _stored: Any) -> Any:
        yield insert(things, **WHOLE)

    with pytest.raises(ValueError, match="stray changes things"):
        stray.changes([(Rung(bell="a", times=1), None)])  # type: ignore[arg-type]  # it looks at no envelope


def test_a_class_has_one_fold_or_step() -> None:
    """Two would both change rows, in an order that nobody chose."""
    with pytest.raises(ValueError, match="already handles Rung"):
        rings.on(Rung)(lambda _event, _stored, _db: None)


def test_steps_of_sql_and_folds_keep_the_order_of_events(storage: Storage) -> None:
    """A step would see rows from before an event that came earlier."""
    _empty(storage)
    mixed = Projection("mixed", [bells])
    seen: list[int] = []
    mixed.fold(Hung)(belfry.hang)
    mixed.fold(Rung)(belfry.ring)

    @mixed.on(Silenced)
    def _(_event: Silenced, _stored: Any, db: Connection) -> None:
        seen.append(db.scalar(select(bells.c.rings)) or 0)

    belfry.record(storage, [Hung(bell="m", tower="t"), Rung(bell="m", times=2)])
    belfry.record(storage, [Silenced(tower="t"), Rung(bell="m", times=1), Silenced(tower="t")])
    with storage.system.begin() as db:
        checkpoints.reset(db, "mixed")
        checkpoints.move_whole(db, "mixed", old=0, new=storage.log(db).head() - 5)
    belfry.settle(storage, mixed)

    assert seen == [2, 3]
