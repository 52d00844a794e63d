"""What a restore leaves in a database: which copy it is, and whether those forgotten since are.

A database has this mark only after a restore.  Until both moments stand in it no process starts
on the database: it may be half a copy, or still know people who asked to be forgotten.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, inspect

from chassis import direct

TABLE = "restored"
_CREATE = f"""CREATE TABLE {TABLE} (
    backup VARCHAR(100) NOT NULL PRIMARY KEY, began_at BIGINT NOT NULL, loaded_at BIGINT,
    forgotten_at BIGINT, forgotten INTEGER NOT NULL)"""
_FIND = f"SELECT backup, loaded_at, forgotten_at FROM {TABLE}"  # noqa: S608  # our own name
_BEGIN = f"""INSERT INTO {TABLE} (backup, began_at, forgotten)
VALUES (:backup, :now, 0)"""  # noqa: S608  # as above
_LOADED = f"UPDATE {TABLE} SET loaded_at = :now"  # noqa: S608  # as above
_FORGOTTEN = f"UPDATE {TABLE} SET forgotten_at = :now, forgotten = :count"  # noqa: S608  # as above


class RestoreUnfinished(Exception):
    """The database is a copy of which not everything was done yet; finish the restore first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """Which backup a database was restored from, and what was done since.

    Args:
        backup: Its name.
        loaded: Whether all of it is in the database.
        forgotten: Whether the list of erasures was applied since.
    """

    backup: str
    loaded: bool
    forgotten: bool


def mark_of(db: Connection) -> Mark | None:
    """Return a database's mark, None for one that was never restored."""
    if not inspect(db).has_table(TABLE):
        return None
    ((backup, loaded_at, forgotten_at),) = direct.tuples(db, _FIND)
    return Mark(backup=backup, loaded=loaded_at is not None, forgotten=forgotten_at is not None)


def begin(db: Connection, backup: str, now: int) -> None:
    """Mark a database as one that is being restored."""
    direct.execute(db, _CREATE)
    if db.dialect.name != "sqlite":
        direct.execute(db, f"GRANT SELECT ON {TABLE} TO PUBLIC")  # whoever starts has to ask
    direct.execute(db, _BEGIN, {"backup": backup, "now": now})


def note_loaded(db: Connection, now: int) -> None:
    """Note that all of the copy is in the database."""
    direct.execute(db, _LOADED, {"now": now})


def note_forgotten(db: Connection, now: int, count: int) -> None:
    """Note that the list of erasures was applied, and how many entries it had."""
    direct.execute(db, _FORGOTTEN, {"now": now, "count": count})


def ensure_finished(db: Connection) -> None:
    """Refuse to start on a restored database before everything was done.

    Raises:
        RestoreUnfinished: rows may be missing, or people not forgotten again.
    """
    mark = mark_of(db)
    if mark is None or (mark.loaded and mark.forgotten):
        return
    missing = "the list of erasures was not applied" if mark.loaded else "it is half a copy"
    raise RestoreUnfinished(f"the database was restored from {mark.backup}, and {missing}")
