"""What services open as their log keeps the promises of what it stands before."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.log import Log
from chassis.log_postgresql_schema import schema
from chassis.sequencer import sequence
from chassis.storage import log_on
from chassis.testing.log_contract import LogContract

pytestmark = pytest.mark.servers


class OpenedWhole:
    """A log as services open it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[Log]:
        with self._database.begin() as db:
            yield log_on(db)

    def settle(self) -> None:
        with self._database.begin() as db:
            while sequence(db, limit=500):
                pass

    def execute(self, statement: str) -> None:
        with self._database.begin() as db:
            db.execute(text(statement))


class TestWholeLog(LogContract):
    """What services open keeps the promises of what it stands before."""

    events = 1_600

    @pytest.fixture
    def log(self, postgresql_url: str) -> Iterator[OpenedWhole]:
        database = Database(postgresql_url, pool_size=20)
        with database.begin() as db:
            for statement in schema():
                db.execute(text(statement))
        yield OpenedWhole(database)
        database.close()
