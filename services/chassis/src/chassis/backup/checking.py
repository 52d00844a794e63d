"""Check a backup by itself: every file, every count, every log's positions, streams and chains."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from shutil import copyfileobj

from chassis.backup.files import Files, scratch_folder
from chassis.backup.manifest import BrokenBackup, DatabaseCopy, LogPlace, Manifest, TableCopy
from chassis.backup.rows import lines, placed_events
from chassis.database import Database
from chassis.envelope import Stored
from chassis.log import LaneHead
from chassis.log_verify import BrokenLog, Verified, check_stored, stored_pages
from chassis.segments.archive import archive_at
from chassis.segments.store import Store
from chassis.storage import live_log_on

Say = Callable[[str], None]
_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What was found whole: rows of all tables, and what each log holds, by service."""

    rows: int
    logs: dict[str, Verified]


def check(
    manifest: Manifest, folder: Store, *, key: bytes | None = None, say: Say = lambda _: None
) -> Checked:
    """Read a whole backup and check it; the seal of its manifest was checked when it was read.

    Args:
        manifest: The backup's.
        folder: Where its files are.
        key: What they are sealed with, if they are.
        say: Told of each database that was found whole.

    Raises:
        BrokenBackup: something is not as the manifest says.
        Unavailable: the place does not answer, or there is no room for one file.
    """
    logs: dict[str, Verified] = {}
    with scratch_folder() as scratch:
        files = Files(store=folder, scratch=scratch, key=key)
        for copy in manifest.databases:
            found = check_database(copy, files)
            if found is not None:
                logs[copy.service] = found
            say(_line(copy, found))
    rows = sum(table.rows for copy in manifest.databases for table in copy.tables)
    return Checked(rows=rows, logs=logs)


def check_database(copy: DatabaseCopy, files: Files) -> Verified | None:
    """Check the copy of one database; raises as ``check``."""
    try:
        if copy.dialect == "sqlite":
            return _check_file(copy, files)
        for table in copy.tables:
            if table.table not in {"events", "positions"} or copy.log is None:
                _count(copy, table, files)
        return None if copy.log is None else _check_log(copy, copy.log, files)
    except BrokenLog as broken:
        raise BrokenBackup(f"{copy.service}: {broken}") from broken


def agrees(copy: DatabaseCopy, found: Verified) -> Verified:
    """Return what a log was found to hold, if that is what the manifest says.

    Raises:
        BrokenBackup: it ends elsewhere, or with another chain.
    """
    log = copy.log or LogPlace(head=0, lanes={})
    heads = {lane: LaneHead(position=h.position, chain=h.chain) for lane, h in found.lanes.items()}
    if found.events != log.head or heads != log.heads:
        raise BrokenBackup(f"{copy.service}: the log does not end as the manifest says")
    return found


def _count(copy: DatabaseCopy, table: TableCopy, files: Files) -> None:
    with files.reading(copy.file(table.file)) as content:
        rows = 0
        while block := content.read(_BLOCK):
            rows += block.count(b"\n")
    _expect(copy, table, rows)


def _expect(copy: DatabaseCopy, table: TableCopy, rows: int) -> None:
    if rows != table.rows:
        raise BrokenBackup(
            f"{copy.service}: {table.table} has {rows} rows, the manifest says {table.rows}"
        )


def _check_log(copy: DatabaseCopy, log: LogPlace, files: Files) -> Verified:
    places, events = copy.table("positions"), copy.table("events")
    with ExitStack() as stack:
        position_lines, event_lines = (
            _Counted(lines(stack.enter_context(files.reading(copy.file(table.file)))))
            for table in (places, events)
        )
        kept = placed_events(position_lines, places.columns, event_lines, events.columns)
        found = agrees(copy, check_stored(chain(_archived(copy, log), _after(kept, log.released))))
        for _ in event_lines:
            """What has no position yet follows, and is counted too."""
    _expect(copy, places, position_lines.count)
    _expect(copy, events, event_lines.count)
    return found


class _Counted:
    """Counts lines while they pass by."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source
        self.count = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = next(self._source)
        self.count += 1
        return line


def _archived(copy: DatabaseCopy, log: LogPlace) -> Iterator[Stored]:
    """Yield what had left the database: it is in no backup but in the log's segments."""
    if not log.released:
        return
    archive, at = archive_at(log.segments, copy.service), 0
    while at < log.released:
        page = archive.stored_after(at, limit=2_000)
        if not page:
            raise BrokenBackup(f"{copy.service}: the segments end at {at}, not {log.released}")
        yield from takewhile(lambda event: event.position <= log.released, page)
        at = page[-1].position


def _after(events: Iterator[Stored], released: int) -> Iterator[Stored]:
    return (event for event in events if event.position > released)


def _check_file(copy: DatabaseCopy, files: Files) -> Verified | None:
    (name,) = {table.file for table in copy.tables}
    path = files.scratch / f"{copy.service}.db"
    with files.reading(copy.file(name)) as content, path.open("wb") as target:
        copyfileobj(content, target, _BLOCK)
    try:
        _count_tables(copy, path)
        return None if copy.log is None else agrees(copy, _verified(path))
    finally:
        for left in path.parent.glob(f"{path.name}*"):
            left.unlink()


def _count_tables(copy: DatabaseCopy, path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        for table in copy.tables:
            counted = db.execute(f'SELECT count(*) FROM "{table.table}"')  # noqa: S608  # out of a sealed manifest
            _expect(copy, table, counted.fetchone()[0])


def _verified(path: Path) -> Verified:
    database = Database(f"sqlite:///{path}")
    try:
        with database.read() as db:
            return check_stored(stored_pages(live_log_on(db)))
    finally:
        database.close()


def _line(copy: DatabaseCopy, found: Verified | None) -> str:
    rows = sum(table.rows for table in copy.tables)
    log = f"; {found.events} events, chains hold" if found else ""
    return f"{copy.service}: {len(copy.files)} files, {rows} rows{log}"
