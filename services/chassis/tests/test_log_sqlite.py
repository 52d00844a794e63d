"""The embedded log keeps the port's promises."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.log import Log
from chassis.log_sqlite import SCHEMA_V1, SqliteLog
from chassis.testing.log_contract import LogContract


class EmbeddedLog:
    """A log in a SQLite file."""

    def __init__(self, path: Path) -> None:
        self.database = Database(f"sqlite:///{path}", pool_size=20)
        for statement in SCHEMA_V1:
            self.execute(statement)

    @contextmanager
    def begin(self) -> Iterator[Log]:
        with self.database.begin() as db:
            yield SqliteLog(db)

    def settle(self) -> None:
        """Nothing: the one writer assigns positions itself."""

    def execute(self, statement: str) -> None:
        with self.database.begin() as db:
            db.execute(text(statement))


class TestSqliteLog(LogContract):
    """Run the whole contract."""

    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[EmbeddedLog]:
        log = EmbeddedLog(tmp_path / "log.db")
        yield log
        log.database.close()
