"""Schema migrations, run once as a job, before any process of the new version starts.

A service keeps its revisions in ``<package>/migrations/``; all of them run through
the one Alembic environment in this package.  There is no way back down: a schema
only ever grows in a way that the version before can live with.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any
from zlib import crc32

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from chassis import restored
from chassis.database import Database
from chassis.errors import CannotStart
from chassis.isolation import Roles
from chassis.isolation.securing import act_as_owner, has_three_roles, secure
from chassis.migrations import compatible

_ENVIRONMENT = Path(__file__).parent / "environment"
_LOCK = crc32(b"sixfold migrations")
# Alembic's operations act on one connection for the whole process.
_one_at_a_time = Lock()


class SchemaOlder(CannotStart):
    """The database lacks revisions that this build needs; run the migration job first."""


class SchemaNewer(CannotStart):
    """The database has moved on to a schema that this build can't use; start a newer build."""


def migrate(
    url: str, package: str, revision: str = "head", roles: Roles | None = None
) -> str | None:
    """Bring a database to a package's newest revision and return that revision.

    Two jobs at once wait for each other, so concurrent DDL cannot collide.

    Args:
        url: The database, reached directly: the lock belongs to the session.
        package: Holds the revisions in ``<package>/migrations/``.
        revision: An earlier one, for a copy that was made when it was the newest.
        roles: Get their rights and policies on every table, in a database that belongs to the
            owner among them.
    """
    with _one_at_a_time, opened(url) as db, _alone(db):
        apart = roles is not None and has_three_roles(db, roles)
        if roles is not None and apart:
            act_as_owner(db, roles)
        command.upgrade(config_for(package, connection=db), revision)
        if roles is not None and apart:
            secure(db, roles)
            db.commit()
    return current_revision(url)


def current_revision(url: str) -> str | None:
    """Return the revision a database is at, None before the first."""
    with opened(url) as db:
        return MigrationContext.configure(db).get_current_revision()


def ensure_current(url: str, package: str) -> None:
    """Refuse to start on a schema that this build can't use.

    A newer one is fine as long as it says so: two versions run side by side during an upgrade.

    Raises:
        SchemaOlder: a revision of this build is missing.
        SchemaNewer: a later build has taken away what this one needs.
        RestoreUnfinished: the database is a copy that is not finished.
    """
    known = ScriptDirectory.from_config(config_for(package))
    ours = {script.revision for script in known.walk_revisions()}
    needed = known.get_current_head()
    with opened(url) as db:
        restored.ensure_finished(db)
        found = MigrationContext.configure(db).get_current_revision()
        if found == needed or needed is None:
            return
        if found is None or found in ours:
            raise SchemaOlder(f"{package} needs revision {needed}, the database is at {found}")
        oldest = compatible.read(db)
    if oldest not in ours:
        raise SchemaNewer(
            f"{package} is at revision {needed}, the database at {found}, "
            f"which serves {oldest or 'nobody knows which'} and newer"
        )


def ensure_finished(url: str) -> None:
    """Refuse to start on a database that a restore has not finished; raises RestoreUnfinished."""
    with opened(url) as db:
        restored.ensure_finished(db)


def config_for(package: str, **attributes: Any) -> Config:
    """Return Alembic's configuration for one package's revisions."""
    config = Config()
    config.set_main_option("script_location", str(_ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(folder_of(package)))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes.update(attributes)
    return config


def folder_of(package: str) -> Path:
    """Return the folder of a package's revisions."""
    return Path(import_module(f"{package}.migrations").__path__[0])


@contextmanager
def opened(url: str) -> Iterator[Connection]:
    """Open one connection of its own to a database."""
    database = Database(url)
    try:
        with database.engine.connect() as db:
            yield db
    finally:
        database.close()


@contextmanager
def _alone(db: Connection) -> Iterator[None]:
    if db.dialect.name == "sqlite":
        yield  # its write transaction keeps the second job out
        return
    _lock(db, "pg_advisory_lock")
    try:
        yield
    finally:
        db.rollback()
        _lock(db, "pg_advisory_unlock")


def _lock(db: Connection, function: str) -> None:
    db.execute(text(f"SELECT {function}(:key)"), {"key": _LOCK})
    db.commit()
