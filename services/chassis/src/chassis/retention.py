"""Delete what has been kept long enough: nothing of a log, and nothing that a rule needs."""

import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from chassis import audit, direct, idempotency
from chassis.database import Database
from chassis.log_verify import BrokenLog
from chassis.segments.archive import archive_at
from chassis.segments.checking import verify
from chassis.segments.manifest import BrokenArchive
from chassis.segments.released import released
from chassis.segments.releasing import KEPT_SCHEMA
from chassis.storage import live_log_on

_PARTITION = re.compile(r"(events|positions)_[0-9]+")  # whatever else is there is somebody's own
_MOVED = "SELECT tablename FROM pg_tables WHERE schemaname = :schema ORDER BY 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How long things are kept.

    Args:
        answers: Responses under an idempotency key: for so long a repeat gets the first answer.
        audit: The list of who did what privileged thing; the log keeps its events.
    """

    answers: timedelta = timedelta(days=30)
    audit: timedelta = timedelta(days=400)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    """What went from one database.

    Args:
        answers: Responses.
        audit: Entries of the audit's list.
        tables: Partitions that had left the log for its segments.
    """

    answers: int
    audit: int
    tables: tuple[str, ...]


def run(urls: Mapping[str, str], terms: Terms, *, now: datetime) -> dict[str, Deleted]:
    """Delete what is older than the terms from each service's database.

    Partitions that were moved aside go only after their segments were read whole, file by file,
    and found to be one history with the log.

    Raises:
        BrokenArchive, BrokenLog: a log's segments are not what left its database; the partitions
            stay.  Everything else was deleted.
        Unavailable: a database or the segments do not answer.
    """
    done, troubles = {}, []
    for service, url in urls.items():
        with closing(Database(url, pool_size=1)) as database:
            with database.begin() as db:
                answers = idempotency.forget(db, now - terms.answers)
                entries = audit.forget(db, now - terms.audit)
            tables: tuple[str, ...] = ()
            try:
                tables = _drop_moved(database)
            except (BrokenArchive, BrokenLog) as trouble:
                troubles.append(trouble)
            done[service] = Deleted(answers=answers, audit=entries, tables=tables)
    if troubles:
        raise troubles[0]
    return done


def _drop_moved(database: Database) -> tuple[str, ...]:
    moved = _surely_archived(database)
    if moved:
        with database.begin() as db:
            quote = db.dialect.identifier_preparer.quote
            for name in moved:
                db.execute(text(f"DROP TABLE {KEPT_SCHEMA}.{quote(name)}"))
    return moved


def _surely_archived(database: Database) -> tuple[str, ...]:
    """Return the partitions that were moved aside, once the segments were seen to hold them."""
    if database.is_sqlite:
        return ()
    with database.read() as db:
        gone, moved = released(db), _moved(db)
        if not moved or not gone.up_to:
            return ()
        # A manifest alone may outlive its files.
        verify(live_log_on(db), archive_at(gone.archive, gone.service), released=gone.up_to)
        return moved


def _moved(db: Connection) -> tuple[str, ...]:
    names = (row["tablename"] for row in direct.rows(db, _MOVED, {"schema": KEPT_SCHEMA}))
    return tuple(filter(_PARTITION.fullmatch, names))
