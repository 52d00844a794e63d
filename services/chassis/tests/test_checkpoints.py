"""How far a reader has come in each lane, moved only from where it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bus_service import metadata
from chassis import checkpoints
from chassis.database import Database
from chassis.errors import Conflict
from chassis.log import LaneHead

NAME = "listener.on.greeter"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/checkpoints.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace("+psycopg:", "+psycopg2:")
    database = Database(url)
    with database.begin() as db:
        metadata.create_all(db)
    yield database
    database.close()


def head(position: int) -> LaneHead:
    return LaneHead(position=position, chain=bytes([position]) * 32)


def move(database: Database, old: dict[int, LaneHead], new: dict[int, LaneHead]) -> None:
    with database.begin() as db:
        checkpoints.move_all(db, NAME, old, new)


def load(database: Database) -> dict[int, LaneHead]:
    with database.read() as db:
        return checkpoints.load(db, NAME)


def test_lanes_move_together_whether_they_were_begun_or_not(database: Database) -> None:
    """A reader would stand still in every lane whose first event comes in a batch."""
    first = {0: head(1), 3: head(2)}
    move(database, {}, first)
    second = {0: head(7), 3: head(2), 5: head(8), 15: head(9)}

    move(database, first, second)

    assert load(database) == second


@pytest.mark.parametrize("lane", [0, 5])
def test_if_one_lane_was_moved_by_somebody_else_none_moves(database: Database, lane: int) -> None:
    """Two workers would both count an event as theirs."""
    begun = {0: head(1), 3: head(2)}
    move(database, {}, begun)
    rival = {**begun, lane: head(4)}
    move(database, begun, rival)

    with pytest.raises(Conflict):
        move(database, begun, {0: head(7), 3: head(8), 5: head(9)})

    assert load(database) == rival
