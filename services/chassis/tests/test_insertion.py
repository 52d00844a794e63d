"""An insert says whether it was the first, on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from chassis.database import Database
from chassis.insertion import insert_once

_METADATA = MetaData()
_THINGS = Table("things", _METADATA, Column("key", Integer, primary_key=True))


def assert_only_the_first_is_new(database: Database) -> None:
    _METADATA.create_all(database.engine)
    with database.begin() as db:
        assert insert_once(db, _THINGS, {"key": 1})
        assert not insert_once(db, _THINGS, {"key": 1})
        assert insert_once(db, _THINGS, {"key": 2})
    database.close()


def test_only_the_first_insert_is_new(tmp_path: Path) -> None:
    """A rule that lets one of two win would let both, or neither."""
    assert_only_the_first_is_new(Database(f"sqlite:///{tmp_path}/things.db"))


@pytest.mark.servers
def test_only_the_first_insert_is_new_on_a_server(postgresql_url: str) -> None:
    """The same rule would hold on a laptop and fail in production."""
    assert_only_the_first_is_new(Database(postgresql_url))
