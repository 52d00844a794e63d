"""Appends by 16 concurrent writers until positions are assigned, beside bare inserts."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from bench.results import Result, paired
from chassis.database import Database
from chassis.ids import new_id
from chassis.log import Append, Draft
from chassis.log_postgresql import SCHEMA_V1, PostgresqlLog
from chassis.sequencer import sequence
from chassis.testing.contexts import NOW, context
from chassis.testing.servers import PrivatePostgreSQL

WRITERS, EVENTS, ROUNDS = 16, 100, 5
DRAFT = Draft(type="thing_happened", schema_version=1, subjects=(), data=b'{"n":1}' * 20)


def append_vs_insert(postgresql: PrivatePostgreSQL) -> Result:
    """Compare in interleaved rounds, fsync on."""
    pairs = []
    for number in range(ROUNDS):
        database = Database(postgresql.database(f"append_{number}"), pool_size=WRITERS + 2)
        with database.begin() as db:
            for statement in (*SCHEMA_V1, "CREATE TABLE bare (id uuid, data bytea)"):
                db.execute(text(statement))
        pairs.append((_appends(database), _inserts(database)))
        database.close()
    return paired("append_vs_insert", "events/s", pairs)


def _inserts(database: Database) -> float:
    def write() -> None:
        with database.begin() as db:
            db.execute(
                text("INSERT INTO bare VALUES (:id, :data)"),
                {"id": str(new_id()), "data": DRAFT.data},
            )

    return _rate(write, lambda: None)


def _appends(database: Database) -> float:
    done = threading.Event()

    def number() -> None:
        while _sequenced(database) or not done.is_set():
            time.sleep(0.002)

    def write() -> None:
        with database.begin() as db:
            wanted = Append(stream=f"thing-{new_id()}", expected_version=0, drafts=[DRAFT])
            PostgresqlLog(db).append(context(), [wanted], recorded_at=NOW)

    sequencer = threading.Thread(target=number)
    sequencer.start()

    def finish() -> None:
        done.set()
        sequencer.join()

    return _rate(write, finish)


def _sequenced(database: Database) -> int:
    with database.begin() as db:
        return sequence(db)


def _rate(write: Callable[[], None], finish: Callable[[], None]) -> float:
    began = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as pool:
        for writing in [pool.submit(write) for _ in range(WRITERS * EVENTS)]:
            writing.result()
    finish()
    return WRITERS * EVENTS / (time.monotonic() - began)
