"""Which code a schema still serves: each database says it, for builds older than its revisions.

A revision is one of two kinds, written in it as ``phase``.  ``expand`` only adds: the version
before runs on it, so both run side by side while an upgrade rolls out.  ``contract`` takes away
what the version before no longer uses; it names as ``oldest`` the oldest revision whose code runs
on what is left.  The migration writes that into the database, in its own transaction.
"""

from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, inspect, text

EXPAND, CONTRACT = "expand", "contract"
_TABLE = "alembic_version"  # whoever may see at which revision a schema is sees this too


def phase_of(revision: Script) -> str | None:
    """Return of which kind a revision says it is."""
    found: str | None = getattr(revision.module, "phase", None)
    return found


def oldest_for(known: ScriptDirectory, revision: str) -> str:
    """Return the oldest revision whose code runs on the schema that a revision leads to."""
    chain = list(known.iterate_revisions(revision, "base"))
    named = (getattr(each.module, "oldest", None) for each in chain)
    return next((oldest for oldest in named if oldest), chain[-1].revision)


def write(known: ScriptDirectory, db: Connection, revision: str) -> None:
    """Say in a database whom it serves from this revision on."""
    if not _is_said(db):
        db.execute(text(f"ALTER TABLE {_TABLE} ADD COLUMN oldest VARCHAR(32)"))
    told = {"oldest": oldest_for(known, revision)}
    db.execute(text(f"UPDATE {_TABLE} SET oldest = :oldest"), told)  # noqa: S608  # our own name


def read(db: Connection) -> str | None:
    """Return the oldest revision whose code runs on a database, None where nobody said."""
    if not _is_said(db):
        return None
    found: str | None = db.scalar(text(f"SELECT oldest FROM {_TABLE}"))  # noqa: S608  # our own name
    return found


def _is_said(db: Connection) -> bool:
    columns: list[Any] = inspect(db).get_columns(_TABLE)
    return any(column["name"] == "oldest" for column in columns)
