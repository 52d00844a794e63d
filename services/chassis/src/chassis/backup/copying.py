"""Copy one database as a transaction sees it: PostgreSQL table by table, SQLite as a file.

PostgreSQL's own ``COPY`` does it over the driver that every service has, so a copy needs no
program of the server's version.  Rows go in the order of their key: the same rows give the same
bytes.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import IO

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect

from chassis import direct
from chassis.backup.files import ENDING, Files
from chassis.backup.manifest import DatabaseCopy, File, LogPlace, TableCopy
from chassis.backup.tables import SKIPPED, Shape, quoted, refuse_hidden, sequences, shapes
from chassis.faults import reach
from chassis.segments.manifest import written_heads
from chassis.segments.released import released
from chassis.storage import live_log_on


def copy_database(service: str, db: Connection, files: Files) -> DatabaseCopy:
    """Store everything that a transaction sees of a database.

    Args:
        service: Whose database it is.
        db: The transaction.
        files: Where the copy goes.

    Raises:
        RowsHidden: the role that looks does not see all of it.
        Unavailable: the database or the store does not answer, or there is no room.
    """
    kept: list[File] = []
    if db.dialect.name == "sqlite":
        tables, numbers = _whole_file(service, db, files, kept), dict[str, int]()
    else:
        refuse_hidden(db)
        tables = tuple(_table(service, db, shape, files, kept) for shape in shapes(db))
        numbers = dict(sequences(db))
    return DatabaseCopy(
        service=service,
        dialect="sqlite" if db.dialect.name == "sqlite" else "postgresql",
        revision=MigrationContext.configure(db).get_current_revision(),
        log=log_place(db),
        tables=tables,
        sequences=numbers,
        files=tuple(kept),
    )


def log_place(db: Connection) -> LogPlace | None:
    """Return how far the log of a database goes, None where it has none."""
    if not inspect(db).has_table("events"):
        return None
    log, gone = live_log_on(db), released(db)
    return LogPlace(
        head=log.head(),
        lanes=written_heads(log.lane_heads()),
        unplaced=log.unplaced(),
        released=gone.up_to,
        segments=gone.archive,
    )


class _Rows:
    """Counts the rows of a COPY while they pass by: each ends with the only line feed it has."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.count = 0

    def write(self, block: bytes) -> None:
        """Take the next bytes."""
        self.count += block.count(b"\n")
        self._target.write(block)


def _table(service: str, db: Connection, shape: Shape, files: Files, kept: list[File]) -> TableCopy:
    name = f"{service}.{shape.name}.{ENDING}"
    order = f" ORDER BY {quoted(db, *shape.keys)}" if shape.keys else ""
    selected = f"SELECT {quoted(db, *shape.columns)} FROM {quoted(db, shape.name)}{order}"  # noqa: S608  # names out of the catalogue
    with files.writing(name, kept) as target:
        rows = _Rows(target)
        direct.copy_out(db, f"COPY ({selected}) TO STDOUT", rows)
        reach("backup.copied")
    reach("backup.stored")
    return TableCopy(
        table=shape.name, file=name, rows=rows.count, columns=shape.columns, span=_span(db, shape)
    )


def _span(db: Connection, shape: Shape) -> tuple[int, int] | None:
    if not shape.parted:
        return None
    key = quoted(db, shape.keys[0])
    ((low, high),) = direct.tuples(
        db,
        f"SELECT min({key}), max({key}) FROM {quoted(db, shape.name)}",  # noqa: S608  # as above
    )
    return None if low is None else (low, high)


def _whole_file(
    service: str, db: Connection, files: Files, kept: list[File]
) -> tuple[TableCopy, ...]:
    name = f"{service}.db.{ENDING}"
    path = files.scratch / f"{service}.db"
    counted = _page_by_page(db, path)
    reach("backup.copied")
    files.put(name, path, kept)
    path.unlink()
    reach("backup.stored")
    return tuple(TableCopy(table=table, file=name, rows=rows) for table, rows in counted.items())


def _page_by_page(db: Connection, path: Path) -> Mapping[str, int]:
    """Copy a SQLite database as its transaction sees it; return its tables and their rows."""
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        source = db.connection.dbapi_connection
        source.backup(copy)  # type: ignore[union-attr]  # a checked-out connection is never None
        # Not what was deleted: what somebody was found by would still be in free pages.
        copy.execute("VACUUM")
        names = copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
        tables = [name for (name,) in names if name not in SKIPPED and "sqlite_" not in name]
        return {
            table: copy.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]  # noqa: S608  # as above
            for table in tables
        }
