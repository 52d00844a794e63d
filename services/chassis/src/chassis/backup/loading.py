"""Restore one database from its copy, into an empty one: whole, or not at all.

The schema comes from the migrations of the copy's revision, with every function, trigger, policy
and grant that they make; then all rows go in, in one transaction.  Killed at any point, the same
restore goes on or begins again; no process starts on what it left.
"""

from pathlib import Path
from shutil import copyfileobj

from sqlalchemy import Connection, inspect, make_url, text

from chassis import checkpoints, direct, parked, restored
from chassis.backup.checking import agrees
from chassis.backup.files import Files
from chassis.backup.manifest import BrokenBackup, DatabaseCopy, TableCopy
from chassis.backup.tables import as_owner, quoted, shapes
from chassis.database import Database
from chassis.errors import Rejected
from chassis.faults import reach
from chassis.log_verify import BrokenLog, Verified, verify
from chassis.migrations import migrate
from chassis.restored import Mark
from chassis.segments.partitions import partitions
from chassis.storage import log_on
from chassis.versions import is_version

_BLOCK = 1 << 20


class NotEmpty(Rejected):
    """The database has something in it; a backup is restored into an empty one only."""

    code = "not_empty"


class SchemaUnknown(Rejected):
    """The backup was made by a newer build than this one."""

    code = "schema_unknown"


def refuse_full(url: str, backup: str) -> Mark | None:
    """Refuse a database that has anything in it but what the same restore left behind.

    Returns:
        The mark that it left.

    Raises:
        NotEmpty: it has tables of its own, or another backup.
        Unavailable: it does not answer.
    """
    if url.startswith("sqlite") and not _file_of(url).exists():
        return None  # looking would make it
    database = Database(url, pool_size=1)
    try:
        with database.read() as db:
            mark, found = restored.mark_of(db), inspect(db).get_table_names()
    finally:
        database.close()
    if mark is not None and mark.backup != backup:
        raise NotEmpty(f"the database was already restored from {mark.backup}")
    if found and mark is None:
        raise NotEmpty(f"the database is not empty: it has {len(found)} tables")
    return mark


def load(
    copy: DatabaseCopy, url: str, package: str, files: Files, *, backup: str, now: int
) -> Verified | None:
    """Restore a database that is empty, or that the same restore left; return what its log holds.

    Args:
        copy: What is restored.
        url: Of the database, as its owner.
        package: Whose migrations make the schema.
        files: The backup's.
        backup: Its name.
        now: In microseconds since 1970.

    Raises:
        NotEmpty: there is something else in it.
        SchemaUnknown: this build does not know the schema.
        BrokenBackup: the copy is not what was made.
        Unavailable: the database or the backup does not answer, or there is no room.
    """
    mark = refuse_full(url, backup)
    if not url.startswith(copy.dialect):
        raise NotEmpty(f"a copy of {copy.dialect} cannot be restored into another kind of database")
    if mark is None or not mark.loaded:
        if copy.dialect == "sqlite":
            _put_file(copy, url, files, backup=backup, now=now)
        else:
            _put_rows(copy, url, package, files, backup=backup, now=now)
    reach("restore.loaded")
    migrate(url, package)
    return verified(copy, url)


def verified(copy: DatabaseCopy, url: str) -> Verified | None:
    """Read a restored log whole and hold it against the manifest; raises BrokenBackup."""
    if copy.log is None:
        return None
    database = Database(url, pool_size=1)
    try:
        with database.read() as db:
            return agrees(copy, verify(log_on(db)))
    except BrokenLog as broken:
        raise BrokenBackup(f"{copy.service}: {broken}") from broken
    finally:
        database.close()


def _put_rows(
    copy: DatabaseCopy, url: str, package: str, files: Files, *, backup: str, now: int
) -> None:
    database = Database(url, pool_size=1)
    try:
        with database.begin() as db:
            if restored.mark_of(db) is None:
                restored.begin(db, backup, now)
        _migrate(url, package, copy.revision)
        reach("restore.migrated")
        with database.begin() as db:
            _fill(copy, db, files)
            restored.note_loaded(db, now)
            reach("restore.before_commit")
        with database.begin() as db:
            db.execute(text("ANALYZE"))
    finally:
        database.close()


def _migrate(url: str, package: str, revision: str | None) -> None:
    if revision is None:
        raise SchemaUnknown(f"the copy of {package} says nothing of its schema")
    try:
        migrate(url, package, revision)
    except Exception as error:
        if type(error).__name__ == "CommandError":
            raise SchemaUnknown(f"{package} does not know the schema {revision}") from error
        raise


def _fill(copy: DatabaseCopy, db: Connection, files: Files) -> None:
    direct.execute(db, "SET LOCAL idle_in_transaction_session_timeout = 0")
    direct.execute(db, "SET LOCAL statement_timeout = 0")
    known = {shape.name for shape in shapes(db)}
    for table in copy.tables:
        if table.table not in known:
            raise SchemaUnknown(f"{copy.service} has no table {table.table} in this build")
        _make_room(db, table)
        with files.reading(copy.file(table.file)) as content, as_owner(db, table.table):
            columns = quoted(db, *table.columns)
            direct.copy(db, f"COPY {quoted(db, table.table)} ({columns}) FROM STDIN", content)
        reach("restore.filled")
    for sequence, number in copy.sequences.items():
        direct.scalar(
            db,
            "SELECT setval(CAST(:name AS regclass), :number)",
            {"name": quoted(db, sequence), "number": number},
        )
    _drop_versions(db, known)


def _make_room(db: Connection, table: TableCopy) -> None:
    """Remove what the migrations put in, and make the partitions that the rows go to."""
    if direct.scalar(db, f"SELECT EXISTS (SELECT 1 FROM {quoted(db, table.table)})"):  # noqa: S608  # out of a sealed manifest
        direct.execute(db, f"DELETE FROM {quoted(db, table.table)}")  # noqa: S608  # as above
    if table.span is None:
        return
    low, high = table.span
    first = partitions(db, table.table)[0]
    rows = first.end - first.start
    for number in range(low // rows, high // rows + 1):
        direct.scalar(
            db, "SELECT add_partition(:parent, :number)", {"parent": table.table, "number": number}
        )
    direct.scalar(
        db, "SELECT add_partitions(:parent, :high)", {"parent": table.table, "high": high}
    )


def _drop_versions(db: Connection, known: set[str]) -> None:
    """Forget the readers of read models beside the live ones: those are built anew, not copied."""
    if "checkpoints" not in known:
        return
    for reader in filter(is_version, checkpoints.names(db)):
        checkpoints.reset(db, reader)
        parked.forget(db, reader)


def _put_file(copy: DatabaseCopy, url: str, files: Files, *, backup: str, now: int) -> None:
    target = _file_of(url)
    part = target.with_name(f"{target.name}.restoring")
    (name,) = {table.file for table in copy.tables}
    for left in target.parent.glob(f"{part.name}*"):
        left.unlink()
    with files.reading(copy.file(name)) as content, part.open("wb") as file:
        copyfileobj(content, file, _BLOCK)
    _mark_file(part, backup, now)
    for beside in ("-wal", "-shm"):  # of an empty database that somebody looked at
        Path(f"{target}{beside}").unlink(missing_ok=True)
    part.replace(target)
    reach("restore.replaced")


def _file_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def _mark_file(path: Path, backup: str, now: int) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        with database.begin() as db:
            if restored.mark_of(db) is not None:
                direct.execute(db, f"DROP TABLE {restored.TABLE}")
            restored.begin(db, backup, now)
            restored.note_loaded(db, now)
            _drop_versions(db, set(inspect(db).get_table_names()))
        with database.engine.connect() as db:
            # Everything into the one file that is then put in its place.
            db.connection.execute("PRAGMA journal_mode = DELETE")
    finally:
        database.close()
    Path(f"{path}-turn").unlink(missing_ok=True)
