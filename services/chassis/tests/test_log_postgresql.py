"""The PostgreSQL log keeps the port's promises."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from chassis.database import Database
from chassis.log import Append, Log
from chassis.log_postgresql import SCHEMA_V1, PostgresqlLog
from chassis.sequencer import sequence
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT, LogContract, append, everything

pytestmark = pytest.mark.servers


class ServerLog:
    """A log in a PostgreSQL database; ``settle`` is the sequencer."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, pool_size=20)
        self._one_sequencer = threading.Lock()
        for statement in SCHEMA_V1:
            self.execute(statement)

    @contextmanager
    def begin(self) -> Iterator[Log]:
        with self.database.begin() as db:
            yield PostgresqlLog(db)

    def settle(self) -> None:
        with self._one_sequencer:
            while self._sequence():
                pass

    def _sequence(self) -> int:
        with self.database.begin() as db:
            return sequence(db)

    def execute(self, statement: str) -> None:
        with self.database.begin() as db:
            db.execute(text(statement))


class TestPostgresqlLog(LogContract):
    """Run the whole contract, and what only this adapter can get wrong."""

    @pytest.fixture
    def log(self, postgresql_url: str) -> Iterator[ServerLog]:
        log = ServerLog(postgresql_url)
        yield log
        log.database.close()

    def test_a_slow_transaction_is_not_passed(self, log: ServerLog) -> None:
        """An event that commits late gets a later position instead of being skipped."""
        with log.begin() as slow:
            wanted = Append(stream="order-1", expected_version=0, drafts=[DRAFT])
            slow.append(context(), [wanted], recorded_at=NOW)
            append(log, "order-2", 0)
            assert [event.stream for event in everything(log)] == ["order-2"]
        assert [event.stream for event in everything(log)] == ["order-2", "order-1"]
