"""Restore logs up to a position each, or as they were at a moment.

The newest backup that is not later gives the tables.  The events that follow, up to the position,
come from the first backup that has them, with the commands that it remembers, or from the log's
segments.  Where no backup is early enough everything begins with empty tables.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from shutil import copyfileobj
from typing import Any

from sqlalchemy import Connection

from chassis import direct, restored
from chassis.backup.extending import KNOWN_COMMANDS, Extended, extend, remember_reactions
from chassis.backup.files import Files, scratch_folder
from chassis.backup.loading import refuse_full
from chassis.backup.manifest import DatabaseCopy, Manifest
from chassis.backup.restoring import restore
from chassis.backup.rows import lines, placed_events
from chassis.backup.shelf import Shelf
from chassis.backup.tables import as_owner, quoted
from chassis.blueprint import Blueprint
from chassis.clock import SystemClock, micros
from chassis.database import Database
from chassis.envelope import Stored
from chassis.errors import Rejected
from chassis.log_verify import stored_pages
from chassis.migrations import migrate
from chassis.segments.archive import archive_at
from chassis.storage import Storage, live_log_on

Say = Callable[[str], None]
Vector = Mapping[str, int]
StorageOf = Callable[[str, str], tuple[Storage, Blueprint]]
_BLOCK = 1 << 20
_COPIED = ("commands", "lookup")
_INCOMING = "incoming_{table}"
_wall = SystemClock()


class NotCovered(Rejected):
    """No backup and no segment has all the events that are wanted."""

    code = "not_covered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What a restore to a point in time is made of.

    Args:
        vector: The position of every log.
        base: Whose tables are restored first; None where nothing is early enough.
        cover: Has the events up to the position; None where the segments have them.
    """

    vector: Vector
    base: Manifest | None
    cover: Manifest | None


def plan_for(shelf: Shelf, at: Vector | datetime, *, segments: str | None = None) -> Plan:
    """Choose the backups for a restore to positions or to a moment.

    Raises:
        NotCovered: nothing reaches that far.
        BrokenBackup: a backup that is needed is not what was made.
        Unavailable: the place does not answer.
    """
    oldest_first = sorted(shelf.finished(), key=lambda manifest: manifest.taken)
    if isinstance(at, datetime):
        cover = next((each for each in oldest_first if each.taken >= micros(at)), None)
        if cover is None:
            raise NotCovered("no backup was made after that moment")
        vector: Vector = _vector_at(shelf, cover, at)
    else:
        vector = dict(at)
        cover = next((each for each in oldest_first if _reaches(each.vector, vector)), None)
        if cover is None and segments is None:
            raise NotCovered("no backup goes that far; name the segments if they do")
    early = [each for each in oldest_first if _reaches(vector, each.vector)]
    return Plan(vector=vector, base=early[-1] if early else None, cover=cover)


def restore_at(
    plan: Plan,
    shelf: Shelf,
    urls: Mapping[str, str],
    storage_of: StorageOf,
    *,
    segments: str | None = None,
    say: Say = lambda _: None,
) -> None:
    """Restore databases up to the positions of a plan; raises as ``restore`` and ``extend``.

    Args:
        plan: What it is made of.
        shelf: Where the backups are.
        urls: The empty databases, by service.
        storage_of: Opens a service's storage on a restored database.
        segments: Where the logs' segments are, if no backup has the events.
        say: Told what was done.
    """
    if plan.base is not None:
        restore(plan.base, shelf, urls, say=say)
    else:
        _begin_empty(plan, urls)
    with scratch_folder() as scratch:
        files = None
        if plan.cover is not None:
            files = Files(store=shelf.folder(plan.cover.id), scratch=scratch)
        for service, url in urls.items():
            copy = plan.cover.database(service) if plan.cover else None
            with closing(Database(url, pool_size=1)) as database, ExitStack() as stack:
                if copy is not None and files is not None:
                    source = stack.enter_context(opened(copy, files))
                else:
                    source = _Segments(segments or "", service)
                done = _extend(database, source, plan.vector[service], *storage_of(service, url))
            say(f"{service}: extended from position {done.before} to {done.after}")


def _extend(
    database: Database, source: Any, upto: int, storage: Storage, blueprint: Blueprint
) -> Extended:
    with database.begin() as db:
        if not database.is_sqlite:
            direct.execute(db, "SET LOCAL idle_in_transaction_session_timeout = 0")
        before = live_log_on(db).head()
        done = extend(db, source.events(before), upto=upto, storage=storage, blueprint=blueprint)
        source.remember(db, done.before, done.after, storage.secret)
        restored.note_loaded(db, micros(_wall.now()))
        return done


def _begin_empty(plan: Plan, urls: Mapping[str, str]) -> None:
    name = plan.cover.id if plan.cover else "segments"
    for service, url in urls.items():
        if refuse_full(url, name) is None:
            with closing(Database(url, pool_size=1)) as database, database.begin() as db:
                restored.begin(db, name, micros(_wall.now()))
        migrate(url, service)


def _vector_at(shelf: Shelf, cover: Manifest, at: datetime) -> dict[str, int]:
    found = {}
    with scratch_folder() as scratch:
        files = Files(store=shelf.folder(cover.id), scratch=scratch)
        for copy in cover.databases:
            with opened(copy, files) as source:
                later = (e.position for e in source.events(0) if e.recorded_at > micros(at))
                head = copy.log.head if copy.log else 0
                found[copy.service] = next(later, head + 1) - 1
    return found


def _reaches(vector: Vector, wanted: Vector) -> bool:
    return all(vector.get(service, 0) >= position for service, position in wanted.items())


@contextmanager
def opened(copy: DatabaseCopy, files: Files) -> Iterator[Any]:
    """Give the log in a copy of a database, and what else of it a restore takes from there."""
    if copy.dialect == "postgresql":
        yield _Tables(copy, files)
        return
    path = files.scratch / f"cover-{copy.service}.db"
    with files.reading(copy.files[0]) as content, path.open("wb") as target:
        copyfileobj(content, target, _BLOCK)
    with closing(Database(f"sqlite:///{path}")) as database:
        yield _File(database)
    for left in path.parent.glob(f"{path.name}*"):
        left.unlink()


class _Tables:
    """A copy of PostgreSQL, table by table."""

    def __init__(self, copy: DatabaseCopy, files: Files) -> None:
        self._copy = copy
        self._files = files

    def events(self, after: int) -> Iterator[Stored]:
        places, events = self._copy.table("positions"), self._copy.table("events")
        with (
            self._files.reading(self._copy.file(places.file)) as of_places,
            self._files.reading(self._copy.file(events.file)) as of_events,
        ):
            found = placed_events(
                lines(of_places), places.columns, lines(of_events), events.columns
            )
            yield from (event for event in found if event.position > after)

    def remember(self, db: Connection, _before: int, _after: int, _secret: bytes) -> None:
        for name in _COPIED:
            table, incoming = self._copy.table(name), _INCOMING.format(table=name)
            direct.execute(db, f"CREATE TEMP TABLE {incoming} (LIKE {name}) ON COMMIT DROP")
            with self._files.reading(self._copy.file(table.file)) as content:
                columns = quoted(db, *table.columns)
                direct.copy(db, f"COPY {incoming} ({columns}) FROM STDIN", content)
            with as_owner(db, name):
                _take(db, name, incoming)


class _File:
    """A copy of SQLite, in a file of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(self, after: int) -> Iterator[Stored]:
        with self._database.read() as db:
            yield from stored_pages(live_log_on(db), after)

    def remember(self, db: Connection, _before: int, _after: int, _secret: bytes) -> None:
        with closing(sqlite3.connect(str(self._database.engine.url.database))) as source:
            for name in _COPIED:
                incoming = _INCOMING.format(table=name)
                direct.execute(db, f"CREATE TEMP TABLE {incoming} AS SELECT * FROM {name} LIMIT 0")  # noqa: S608  # our own names
                found = source.execute(f"SELECT * FROM {name}")  # noqa: S608  # as above
                places = ", ".join("?" * len(found.description))
                while rows := found.fetchmany(_BLOCK // 1024):
                    direct.execute_many(db, f"INSERT INTO {incoming} VALUES ({places})", rows)  # noqa: S608  # as above
                _take(db, name, incoming)
                direct.execute(db, f"DROP TABLE {incoming}")


class _Segments:
    """A log's segments, which have its events and nothing else."""

    def __init__(self, place: str, service: str) -> None:
        self._archive = archive_at(place, service)

    def events(self, after: int) -> Iterator[Stored]:
        while page := self._archive.stored_after(after, limit=2_000):
            yield from page
            after = page[-1].position

    def remember(self, db: Connection, before: int, after: int, secret: bytes) -> None:
        remember_reactions(db, islice(self.events(before), after - before), secret)


def _take(db: Connection, name: str, incoming: str) -> None:
    statement = KNOWN_COMMANDS[db.dialect.name].format(source=incoming)
    if name != "commands":
        statement = f"INSERT INTO {name} SELECT * FROM {incoming} WHERE true ON CONFLICT DO NOTHING"  # noqa: S608  # our own names
    direct.execute(db, statement)
