"""Two at once on PostgreSQL: let the second come exactly while the first is under way."""

import time
from concurrent.futures import Future
from typing import Any

from sqlalchemy import text

from chassis.database import Database

DEADLINE = 20.0
_WAITING = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def until_it_waits(second: Future[Any], database: Database) -> None:
    """Return once the second one waits for a lock of the first, or has ended without."""
    end = time.monotonic() + DEADLINE
    while not second.done():
        with database.read() as db:
            if db.execute(text(_WAITING)).scalar_one():
                return
        assert time.monotonic() < end, "it neither waits nor ends"
        time.sleep(0.01)
