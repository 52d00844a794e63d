"""Bulk appends of 1,000 events beside COPY of equal rows into the same table.

What is counted of ours: everything from drafts to the commit, each batch one command: ids, lanes,
columns, the claim of the command and its streams, the rows, and the queue for the sequencer.
What is counted of COPY: sending lines that are ready, and the commit.  The rows are the same but
for their ids, 100 streams of 10 events a batch, in the same partitioned and indexed table.
"""

import io
import time
from collections.abc import Sequence

import psycopg2

from bench.logs import DRAFT, fresh_log
from bench.results import Result, paired
from chassis import direct
from chassis.database import Database
from chassis.ids import new_id
from chassis.log import Append, each_row
from chassis.log_copy import COPY_EVENTS, EventLines
from chassis.log_postgresql import PostgresqlLog
from chassis.testing.contexts import NOW, context
from chassis.testing.servers import PrivatePostgreSQL

BATCHES, ROUNDS, STREAMS, EACH = 10, 7, 100, 10
SIZE = STREAMS * EACH


def bulk_vs_copy(postgresql: PrivatePostgreSQL) -> Result:
    """Compare in interleaved rounds on one log."""
    with fresh_log(postgresql.database("bulk")) as database:
        pairs = [
            (bulk_appends(database), _copies(database, postgresql.dsn("bulk")))
            for _ in range(ROUNDS)
        ]
    postgresql.drop_database("bulk")
    return paired("bulk_vs_copy", "events/s", pairs)


def bulk_appends(database: Database, batches: int = BATCHES, streams: int = STREAMS) -> float:
    """Return how many events a second bulk appends of 1,000 record."""
    wanted = [_batch(streams) for _ in range(batches)]
    began = time.monotonic()
    for batch in wanted:
        with database.begin() as db:
            PostgresqlLog(db).append(context(), batch, recorded_at=NOW)
    return batches * SIZE / (time.monotonic() - began)


def _batch(streams: int) -> Sequence[Append]:
    each = SIZE // streams
    return [
        Append(stream=f"thing-{new_id()}", expected_version=0, drafts=[DRAFT] * each)
        for _ in range(streams)
    ]


def _copies(database: Database, dsn: str) -> float:
    blocks = [_lines(database) for _ in range(BATCHES)]
    connection = psycopg2.connect(dsn)
    began = time.monotonic()
    for block in blocks:
        with connection, connection.cursor() as cursor:
            cursor.copy_expert(COPY_EVENTS, io.StringIO(block))
    took = time.monotonic() - began
    connection.close()
    return BATCHES * SIZE / took


def _lines(database: Database) -> str:
    draw = "SELECT array_agg(nextval('event_rows')) FROM generate_series(1, :wanted)"
    with database.begin() as db:
        drawn = direct.scalar(db, draw, {"wanted": SIZE})
    lines = EventLines(drawn, each_row(context(), _batch(STREAMS), NOW))
    return "".join(iter(lambda: lines.read(direct.COPY_BLOCK), ""))
