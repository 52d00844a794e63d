"""Partitions of a PostgreSQL log: there before they are needed, and old ones can leave."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis.database import Database
from chassis.envelope import continues
from chassis.errors import Unavailable
from chassis.log import Append
from chassis.log_partitions import AHEAD
from chassis.log_postgresql import PostgresqlLog
from chassis.log_postgresql_schema import schema
from chassis.log_verify import verify
from chassis.sequencer import sequence
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT

pytestmark = pytest.mark.servers
ROWS = 100


@pytest.fixture
def database(postgresql_url: str) -> Iterator[Database]:
    database = Database(postgresql_url)
    with database.begin() as db:
        for statement in schema(partition_rows=ROWS):
            db.execute(text(statement))
    yield database
    database.close()


def record(database: Database, batches: int, count: int, stream: str = "order-1") -> None:
    """Append so many batches of ``count`` events to one stream, numbering each."""
    for _ in range(batches):
        with database.begin() as db:
            version = len(PostgresqlLog(db).stream("acme", stream))
            wanted = Append(stream=stream, expected_version=version, drafts=[DRAFT] * count)
            PostgresqlLog(db).append(context(), [wanted], recorded_at=NOW)
        with database.begin() as db:
            sequence(db)


def partitions(database: Database, parent: str) -> list[str]:
    asked = text(
        "SELECT inhrelid::regclass::text FROM pg_inherits "
        "WHERE inhparent = CAST(:parent AS regclass) ORDER BY inhrelid"
    )
    with database.read() as db:
        return list(db.scalars(asked, {"parent": parent}))


def test_partitions_are_made_ahead(database: Database) -> None:
    """An installation that runs for years never finds itself without room for an event."""
    assert partitions(database, "events") == [f"events_{n}" for n in range(AHEAD + 1)]
    record(database, 6, 90)
    for table in ("events", "positions"):
        found = partitions(database, table)
        assert found == [f"{table}_{n}" for n in range(540 // ROWS + AHEAD + 1)]
    with database.read() as db:
        assert verify(PostgresqlLog(db)).events == 540


def test_a_batch_may_span_partitions(database: Database) -> None:
    """An import that is larger than what is left of a partition is one append all the same."""
    record(database, 1, 350)
    with database.read() as db:
        log = PostgresqlLog(db)
        assert verify(log).events == 350
        assert [event.version for event in log.stream("acme", "order-1")] == list(range(1, 351))


def test_a_new_partition_is_append_only_too(database: Database) -> None:
    """History is not easier to rewrite because it is younger."""
    record(database, 6, 90)
    for table in ("events_5", "positions_5"):
        with pytest.raises(DBAPIError, match="append-only"), database.begin() as db:
            db.execute(text(f"TRUNCATE {table}"))


def test_readers_and_writers_are_not_locked_out(database: Database) -> None:
    """A partition comes into being while a report has been reading for minutes."""
    record(database, 1, 90)
    with database.read() as report:
        assert verify(PostgresqlLog(report)).events == 90
        record(database, 3, 90, stream="order-2")
        assert len(partitions(database, "events")) > AHEAD + 1
        assert verify(PostgresqlLog(report)).events == 360


def test_a_log_goes_on_without_its_oldest_range(database: Database) -> None:
    """Once a range is archived it can leave; the chains of its lanes do not begin anew."""
    record(database, 3, 90)
    with database.read() as db:
        last = PostgresqlLog(db).at(270)
    for parent, child in (("events", "events_0"), ("positions", "positions_0")):
        with closing(database.apart()) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {parent} DETACH PARTITION {child} CONCURRENTLY")
            cursor.execute(f"DROP TABLE {child}")

    with database.begin() as db:
        wanted = Append(stream="order-1", expected_version=270, drafts=[DRAFT])
        PostgresqlLog(db).append(context(), [wanted], recorded_at=NOW)
    with database.begin() as db:
        assert sequence(db) == 1
        log = PostgresqlLog(db)
        first, newest = log.after(0, limit=1)[0], log.at(271)
        assert first.position == ROWS
        assert newest is not None
        assert last is not None
        assert continues(last.chain, newest)
        assert log.head() == 271


def test_numbers_drawn_in_vain_leave_room_in_the_end(database: Database) -> None:
    """Imports that fail again and again would use the room up, for everybody and for ever."""
    record(database, 1, 1)
    many = Append(stream="order-2", expected_version=0, drafts=[DRAFT] * ROWS * 2)
    for _ in range(2):
        with pytest.raises((ZeroDivisionError, Unavailable)):
            _fail_after(database, many)
    with database.begin() as db:
        assert sequence(db) == 0  # nothing to number, but a look at the room

    record(database, 1, 1, stream="order-3")


def _fail_after(database: Database, append: Append) -> None:
    with database.begin() as db:
        PostgresqlLog(db).append(context(), [append], recorded_at=NOW)
        raise ZeroDivisionError
