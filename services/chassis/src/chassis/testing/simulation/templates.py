"""A service's database before its first event, made once and copied for every schedule."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from chassis import checkpoints
from chassis.blueprint import Blueprint
from chassis.database import Database
from chassis.migrations import migrate
from chassis.publisher import NAME as PUBLISHER
from chassis.testing.simulation.services import EFFECTS

Schema = Callable[[Connection], None]


def empty_database(blueprint: Blueprint, schema: Schema | None) -> bytes:
    """Return a copy of a service's empty database.

    Args:
        blueprint: The service.
        schema: Creates its tables; the service's own migrations do, unless it is given.
    """
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{blueprint.name}.db"
        url = f"sqlite:///{path}"
        if schema is None:
            migrate(url, blueprint.name)
        database = Database(url)
        try:
            with database.begin() as db:
                if schema is not None:
                    schema(db)
                db.exec_driver_sql(EFFECTS)
                for name in (*blueprint.readers, PUBLISHER):
                    checkpoints.announce(db, name, checkpoints.WHOLE_LOG)
        finally:
            database.close()
        return _read(path)


def _read(path: Path) -> bytes:
    db = sqlite3.connect(path)
    try:
        # A database in memory has no write-ahead log, and refuses a copy that says it has.
        db.execute("PRAGMA journal_mode=DELETE")
        return db.serialize()
    finally:
        db.close()
