"""Logs to archive: a few hundred events in many streams and lanes, on either database."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection, text

from chassis.database import Database
from chassis.envelope import Stored
from chassis.log import Append, Draft
from chassis.log_postgresql_schema import schema
from chassis.log_sqlite import SCHEMA_V1
from chassis.segments import checking
from chassis.segments.archive import Archive
from chassis.segments.store import Store
from chassis.sequencer import sequence
from chassis.storage import live_log_on, log_on
from chassis.testing.contexts import NOW, context

SERVICE = "greeter"
PARTITION = 50
STREAMS = 20
TOGETHER = 25
EVENTS, SIZE, BLOCK = 130, 40, 15  # of a log that is archived in segments of so many positions


def embedded_log(folder: Path, name: str = SERVICE) -> Database:
    """Return an empty log in a SQLite file."""
    return _made(Database(f"sqlite:///{folder}/{name}.db"), SCHEMA_V1)


def server_log(url: str, rows: int = PARTITION) -> Database:
    """Return an empty PostgreSQL log whose partitions have only so many rows."""
    return _made(Database(url), schema(rows))


def _made(database: Database, statements: Sequence[str]) -> Database:
    with database.begin() as db:
        for statement in statements:
            db.execute(text(statement))
    return database


def fill(database: Database, count: int, *, before: int = 0) -> None:
    """Append events, each a second after the other, where there are ``before`` already."""
    for start in range(before, before + count, TOGETHER):
        with database.begin() as db:
            for number in range(start, min(start + TOGETHER, before + count)):
                add(db, number)
            if not database.is_sqlite:
                sequence(db)


def add(db: Connection, number: int, payload: bytes | None = None) -> None:
    """Append the n-th event: to one of the streams, of one of two tenants."""
    version, stream = divmod(number, STREAMS)
    draft = Draft(
        type="thing_happened" if number % 3 else "other_thing_happened",
        schema_version=1,
        subjects=("s1", "s2") if number % 2 else (),
        data=payload or b'{"n":%d}' % number,
    )
    append = Append(stream=f"thing-{stream}", expected_version=version, drafts=[draft])
    traceparent = f"00-{number:032x}-{1:016x}-01" if number % 5 else None
    at = NOW + timedelta(seconds=number)
    who = context(tenant=f"tenant-{stream % 2}", traceparent=traceparent, now=at)
    live_log_on(db).append(who, [append], recorded_at=at)


def whole(database: Database) -> list[Stored]:
    """Return every event, wherever it is, page by page."""
    found: list[Stored] = []
    with database.read() as db:
        while page := log_on(db).stored_after(len(found), limit=7):
            found += page
    return [comparable(event) for event in found]


def comparable(event: Stored) -> Stored:
    """Return an event without views of a driver's memory."""
    return event._replace(data=bytes(event.data), chain=bytes(event.chain))


def count(database: Database, table: str) -> int:
    """Return how many rows a table has."""
    with database.read() as db:
        return int(db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  # our own tables


def folder_of(tmp_path: Path) -> Path:
    """Return where a test's segments are."""
    return tmp_path / "archive" / SERVICE


def verified(database: Database, store: Store) -> int:
    """Hold a log against its segments; return how many events they have."""
    with database.read() as db:
        return checking.verify(log_on(db), Archive(store, SERVICE)).events
