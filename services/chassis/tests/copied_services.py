"""Two small services to back up: one's log with readers, the other a reader that is never ahead."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text

from archived_logs import add, fill, whole
from chassis import checkpoints
from chassis.backup.shelf import Shelf
from chassis.database import Database
from chassis.envelope import Stored
from chassis.log import LaneHead
from chassis.migrations import migrate
from chassis.storage import live_log_on
from chassis.testing.fixtures import fresh_name

SECRET = b"a secret of backups, 32 bytes it is"
PRODUCER, READER = "greeter", "listener"
EVENTS, UNPLACED = 130, 7
ODD = "tab\t, feed\n, return\r, slash\\, null \\N, ünï 中 \\x41"
Urls = dict[str, str]


def shelf_at(place: str, secret: bytes = SECRET) -> Shelf:
    """Return where a test's backups are."""
    return Shelf(address=place, kind="services", secret=secret)


def files_in(folder: Path, *, prefix: str = "") -> Urls:
    """Return addresses of SQLite databases in a folder."""
    folder.mkdir(exist_ok=True)
    return {each: f"sqlite:///{folder}/{prefix}{each}.db" for each in (PRODUCER, READER)}


def filled(urls: Mapping[str, str]) -> None:
    """Make both services, with a log, a reader that has seen all of it, and odd rows."""
    for service, url in urls.items():
        migrate(url, service)
    with closing(Database(urls[PRODUCER])) as database:
        fill(database, EVENTS)
        with database.begin() as db:
            heads = live_log_on(db).lane_heads()
            insert = text("INSERT INTO counted (stream, times) VALUES (:stream, 3)")
            db.execute(insert, {"stream": ODD})
            checkpoints.announce(db, "counting", checkpoints.WHOLE_LOG)
            checkpoints.announce(db, "counting@next", checkpoints.WHOLE_LOG)
        if not database.is_sqlite:
            with database.begin() as db:
                for number in range(EVENTS, EVENTS + UNPLACED):
                    add(db, number)
    read_on(urls, heads)


def read_on(urls: Mapping[str, str], heads: Mapping[int, LaneHead]) -> None:
    """Let the reader have seen the producer's log up to some heads."""
    with closing(Database(urls[READER])) as database, database.begin() as db:
        known = checkpoints.load(db, f"{READER}.on.{PRODUCER}")
        checkpoints.move_all(db, f"{READER}.on.{PRODUCER}", known, heads)


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of the tables that a copy should have."""
    tables = ("counted", "checkpoints", "parked", "timers", "lookup")
    with closing(Database(url)) as database, database.read() as db:
        return {
            table: sorted(tuple(row) for row in db.execute(text(f"SELECT * FROM {table}")))  # noqa: S608  # our own tables
            for table in tables
        }


def log_of(url: str) -> list[Stored]:
    """Return a whole log."""
    with closing(Database(url)) as database:
        return whole(database)


def fresh_databases(postgresql: Any, request: Any) -> Iterator[Urls]:
    """Give two empty databases on a server."""
    names = {service: fresh_name(request) for service in (PRODUCER, READER)}
    yield {service: postgresql.database(name) for service, name in names.items()}
    for name in names.values():
        postgresql.drop_database(name)
