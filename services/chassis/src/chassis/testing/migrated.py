"""Fresh SQLite databases with a package's tables: migrated once in a process, then copied."""

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from chassis.migrations import migrate


def migrated(file: Path, package: str) -> str:
    """Return the SQLAlchemy URL of a file that has a package's newest tables.

    Args:
        file: Made when it does not exist, and migrated when it does.
        package: Whose migrations, as ``chassis.migrations.migrate`` takes it.
    """
    url = f"sqlite:///{file}"
    if file.exists():
        migrate(url, package)
    else:
        file.write_bytes(_fresh(package))
    return url


@cache
def _fresh(package: str) -> bytes:
    with TemporaryDirectory() as scratch:
        file = Path(scratch) / "fresh.db"
        migrate(f"sqlite:///{file}", package)
        with closing(sqlite3.connect(file)) as database:
            return database.serialize()
