"""Delete what has been kept long enough: nothing of a log, and nothing that a rule needs."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, inspect, text

from chassis import audit, direct, idempotency
from chassis.database import Database
from chassis.segments.archive import archive_at
from chassis.segments.released import released
from chassis.segments.releasing import KEPT_SCHEMA

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

    Raises:
        BrokenArchive: a log's segments lack what left its database; its old partitions stay.
        Unavailable: a database or the segments do not answer.
    """
    done = {}
    for service, url in urls.items():
        with closing(Database(url, pool_size=1)) as database, database.begin() as db:
            done[service] = Deleted(
                answers=idempotency.forget(db, now - terms.answers),
                audit=audit.forget(db, now - terms.audit),
                tables=_drop_moved(db),
            )
    return done


def _drop_moved(db: Connection) -> tuple[str, ...]:
    """Drop partitions that were moved aside, once the segments have been seen to hold them."""
    if db.dialect.name == "sqlite" or KEPT_SCHEMA not in inspect(db).get_schema_names():
        return ()
    gone = released(db)
    if not gone.up_to or archive_at(gone.archive, gone.service).last < gone.up_to:
        return ()
    moved = [row["tablename"] for row in direct.rows(db, _MOVED, {"schema": KEPT_SCHEMA})]
    quote = db.dialect.identifier_preparer.quote
    for name in moved:
        db.execute(text(f"DROP TABLE {KEPT_SCHEMA}.{quote(name)}"))
    return tuple(moved)
