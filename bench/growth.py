"""``python -m bench.growth [EVENTS]``: how the log's costs grow with writers and with its length.

Appends by 1 to 32 writers; then one log that grows to 10,000, 100,000, 1,000,000 and 10,000,000
events, or to EVENTS at most (1,000,000 unless told otherwise), with the rates of bulk appends,
numbering, paging and verifying at each length.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import harmonic_mean
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bench.appending import appends
from bench.bulk import SIZE, STREAMS, bulk_appends
from bench.logs import fresh_log
from chassis.database import Database
from chassis.log_postgresql import PostgresqlLog
from chassis.log_verify import verify
from chassis.sequencer import sequence
from chassis.storage import head_of
from chassis.testing.servers import PrivatePostgreSQL

WRITERS = (1, 2, 4, 8, 16, 32)
LENGTHS = (10_000, 100_000, 1_000_000, 10_000_000)
ROUND, LAST = 200, 100_000
_APPENDS = 3_200


def main(most: int) -> None:
    """Measure, and print two tables."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folder.chmod(0o755)  # PostgreSQL runs as another user than root
        with PrivatePostgreSQL(folder / "postgresql") as postgresql:
            Console().print(_by_writers(postgresql))
            Console().print(_by_length(postgresql, most))


def _by_writers(postgresql: PrivatePostgreSQL) -> Table:
    table = Table("writers", "appends/s")
    for writers in WRITERS:
        with fresh_log(postgresql.database("writers"), pool_size=writers) as database:
            table.add_row(str(writers), f"{appends(database, writers, _APPENDS // writers):,.0f}")
    return table


def _by_length(postgresql: PrivatePostgreSQL, most: int) -> Table:
    table = Table("events", "bulk/s", "bulk/s, a stream each", "numbered/s", "read/s", "verified/s")
    with fresh_log(postgresql.database("length")) as database:
        length = 0
        for wanted in (length for length in LENGTHS if length <= most):
            rates = [*_grown(database, (wanted - length) // SIZE), _per_second(_read, database)]
            rates.append(_per_second(_verify, database))
            length = wanted
            table.add_row(f"{length:,}", *(f"{rate:,.0f}" for rate in rates))
    return table


def _grown(database: Database, batches: int) -> Sequence[float]:
    """Append and number in rounds; return the rates of both ways to append and of numbering.

    A round must fit into memory, and a log that nobody numbers refuses to grow after a while.
    """
    rounds = [min(ROUND, batches - done) // 2 for done in range(0, batches, ROUND)]
    tries = [
        (
            bulk_appends(database, half, STREAMS),
            bulk_appends(database, half, SIZE),
            _per_second(_number, database),
        )
        for half in rounds
    ]
    return [harmonic_mean(rates, rounds) for rates in zip(*tries, strict=True)]


def _per_second(work: Callable[[Database], int], database: Database) -> float:
    began = time.monotonic()
    return work(database) / (time.monotonic() - began)


def _number(database: Database) -> int:
    count = 0
    while True:
        with database.begin() as db:
            numbered = sequence(db)
        if not numbered:
            return count
        count += numbered


def _read(database: Database) -> int:
    began = position = max(head_of(database) - LAST, 0)
    with database.read() as db:
        while page := PostgresqlLog(db).after(position, limit=1000):
            position = page[-1].position
    return position - began


def _verify(database: Database) -> int:
    with database.read() as db:
        return verify(PostgresqlLog(db)).events


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else LENGTHS[-2])
