"""Our own SQL past SQLAlchemy: the same rows, the same errors."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from chassis import direct
from chassis.database import Database
from chassis.errors import Unavailable

ADD = "INSERT INTO goods (sku, qty) VALUES (:sku, :qty)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/goods.db")
    with opened.begin() as db:
        direct.execute(db, "CREATE TABLE goods (sku TEXT PRIMARY KEY, qty INTEGER)")
        direct.execute_many(db, ADD, [{"sku": "cup", "qty": 1}, {"sku": "tea", "qty": 2}])
    yield opened
    opened.close()


def test_a_query_finds_rows_by_name(database: Database) -> None:
    """A log that is read back has every column where it was written."""
    with database.read() as db:
        assert direct.rows(db, "SELECT sku, qty FROM goods ORDER BY sku") == [
            {"sku": "cup", "qty": 1},
            {"sku": "tea", "qty": 2},
        ]
        assert direct.scalar(db, "SELECT qty FROM goods WHERE sku = :sku", {"sku": "tea"}) == 2
        assert direct.scalar(db, "SELECT qty FROM goods WHERE sku = 'pot'") is None


def test_a_statement_says_how_many_rows_it_changed(database: Database) -> None:
    """A checkpoint that somebody else moved is noticed."""
    with database.begin() as db:
        more = "UPDATE goods SET qty = qty + :n WHERE qty < :limit"
        assert direct.execute(db, more, {"n": 1, "limit": 2}) == 1
        assert direct.execute(db, more, {"n": 1, "limit": 0}) == 0


def test_what_it_wrote_is_undone_with_the_transaction(database: Database) -> None:
    """An order that is refused at its end leaves nothing behind."""
    twice = [{"sku": "pot", "qty": 1}, {"sku": "pot", "qty": 1}]
    with pytest.raises(IntegrityError), database.begin() as db:
        direct.execute_many(db, ADD, twice)
    assert database.glance("SELECT count(*) FROM goods") == (2,)


def test_the_drivers_errors_are_sqlalchemys(database: Database) -> None:
    """A handler's mistake is parked, and an outage is tried again: the classes tell them apart."""
    with pytest.raises(IntegrityError), database.begin() as db:
        direct.execute(db, ADD, {"sku": "cup", "qty": 1})
    with pytest.raises(OperationalError) as wrong, database.begin() as db:
        direct.rows(db, "SELECT secret FROM nowhere WHERE name = :name", {"name": "Ming"})
    assert "Ming" not in str(wrong.value)


def test_a_glance_finds_a_row_or_nothing(database: Database) -> None:
    """A reader that has nothing to do learns so without a transaction."""
    assert database.glance("SELECT qty FROM goods WHERE sku = :sku", sku="tea") == (2,)
    assert database.glance("SELECT qty FROM goods WHERE sku = :sku", sku="pot") == ()


def test_a_glance_sees_what_was_committed_since(database: Database) -> None:
    """A kept connection that still saw yesterday would hide every new event."""
    look = "SELECT count(*) FROM goods"
    before = database.glance(look)
    with database.begin() as db:
        direct.execute(db, ADD, {"sku": "pot", "qty": 1})
        assert database.glance(look) == before
    assert database.glance(look) == (before[0] + 1,)


def test_a_glance_goes_on_after_an_error(database: Database) -> None:
    """A relay looks again by itself once the trouble is over."""
    with pytest.raises(OperationalError):
        database.glance("SELECT 1 FROM nowhere")
    assert database.glance("SELECT count(*) FROM goods") == (2,)


def test_a_glance_at_a_database_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    """Whoever looks pauses and tries again, instead of ending for good."""
    with pytest.raises(Unavailable):
        Database(f"sqlite:///{tmp_path}/no/such/folder/goods.db").glance("SELECT 1")
