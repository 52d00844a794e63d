"""Let a log's oldest partitions leave PostgreSQL, once its segments hold all they hold.

Up to the released position every reader goes to the segments, whatever the database still
has there; so the two tables may lose partitions with different bounds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy import Connection, text

from chassis import direct
from chassis.database import Database
from chassis.errors import Conflict, Rejected
from chassis.faults import reach
from chassis.segments.archive import Archive, archive_at
from chassis.segments.checking import checked, compare, verify
from chassis.segments.manifest import read_heads
from chassis.segments.partitions import Partition, partitions
from chassis.segments.released import Released, note, released
from chassis.segments.store import address_of
from chassis.storage import live_log_on

KEPT_SCHEMA = "archived"
LOCK_SECONDS = 2
_PENDING = "SELECT count(*) FROM pending WHERE first < :end AND last >= :start"
_LAST = """SELECT max(position) FROM positions
WHERE row_id >= :start AND row_id < :end AND position > :after"""
_ROW = "SELECT row_id FROM positions WHERE position = :position"


class NotReleased(Rejected):
    """Events cannot leave the database; the message says why."""

    code = "not_released"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaving:
    """What can leave the database.

    Args:
        head: The log's last position when that was found.
        up_to: The position up to which readers will go to the segments.
        parts: The partitions.
    """

    head: int
    up_to: int
    parts: tuple[Partition, ...]


def release(
    database: Database, service: str, place: str, *, up_to: int, drop: bool = False
) -> Leaving:
    """Let every partition go whose events all stand at or before a position.

    Before, the segments are read whole and compared with what leaves.  The last event of the log
    always stays.

    Args:
        database: Where the log is.
        service: Whose log it is.
        place: Where its segments are.
        up_to: The last position that may leave.
        drop: Drop the tables instead of moving them to the schema ``archived``.

    Raises:
        NotReleased: the database is SQLite.
        BrokenArchive, BrokenLog: segments and log are not the same; nothing left.
        Conflict: somebody else released events, or the log is too busy; nothing left.
        Unavailable: database or archive do not answer.
    """
    if database.is_sqlite:
        raise NotReleased("events leave a PostgreSQL database only; a SQLite file keeps them all")
    address = address_of(place)
    archive = archive_at(address, service)
    with database.read() as db:
        before = released(db)
        leaving = _plan(db, before.up_to, min(up_to, archive.last))
    if before.up_to and address != before.archive:
        _verify_all(database, archive, before)
    _verify(database, archive, before.up_to, leaving.up_to)
    reach("release.verified")
    gone = Released(up_to=leaving.up_to, archive=address, service=service)
    if gone != before and (gone.up_to or before.up_to):
        _let_go(database, before, gone, leaving, drop=drop)
    return leaving


def _plan(db: Connection, already: int, limit: int) -> Leaving:
    head = live_log_on(db).head()
    limit = min(limit, head - 1)
    newest = direct.scalar(db, _ROW, {"position": head}) or 0
    events = _prefix(db, newest, already, limit)
    positions = [part for part in partitions(db, "positions") if part.end - 1 <= limit]
    ends = [*(last for _, last in events), *(part.end - 1 for part in positions)]
    return Leaving(
        head=head,
        up_to=max([already, *ends]),
        parts=(*(part for part, _ in events), *positions),
    )


def _prefix(db: Connection, newest: int, already: int, limit: int) -> list[tuple[Partition, int]]:
    """Return the oldest partitions of the events that may go, each with its last position."""
    old = takewhile(lambda part: part.end <= newest, partitions(db, "events"))
    settled = takewhile(lambda part: not _count(db, _PENDING, part), old)
    ends = ((part, _count(db, _LAST, part, after=0) or already) for part in settled)
    return list(takewhile(lambda end: end[1] <= limit, ends))


def _count(db: Connection, sql: str, part: Partition, **values: int) -> int:
    return direct.scalar(db, sql, {"start": part.start, "end": part.end, **values}) or 0


def _verify_all(database: Database, archive: Archive, before: Released) -> None:
    """Check that segments at a new place are what is missing in this log."""
    with database.read() as db:
        verify(live_log_on(db), archive, released=before.up_to)


def _verify(database: Database, archive: Archive, after: int, up_to: int) -> None:
    for segment in archive.manifest.segments:
        if segment.last <= after or segment.first > up_to:
            continue
        for block in checked(archive, segment, read_heads(segment.before)):
            with database.read() as db:
                compare(live_log_on(db), segment, block, after)


def _let_go(
    database: Database, before: Released, gone: Released, leaving: Leaving, *, drop: bool
) -> None:
    with database.begin() as db:
        _lock(db)
        if released(db) != before or _somebody_came(db, leaving):
            raise Conflict("the log was changed in between; try again")
        note(db, gone)
        for part in leaving.parts:
            for statement in _statements(part, drop=drop):
                db.execute(text(statement))
        reach("release.before_commit")


def _lock(db: Connection) -> None:
    # In the sequencer's order: events before positions.  Whoever waits longer than this for one
    # slow transaction would make everybody else wait too.
    direct.execute(db, f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
    direct.execute(db, "LOCK TABLE events, positions IN ACCESS EXCLUSIVE MODE")


def _somebody_came(db: Connection, leaving: Leaving) -> bool:
    """Say whether a row came into a leaving partition: one whose transaction was slow."""
    events = [part for part in leaving.parts if part.parent == "events"]
    return any(
        _count(db, _PENDING, part) or _count(db, _LAST, part, after=leaving.head) for part in events
    )


def _statements(part: Partition, *, drop: bool) -> Iterator[str]:
    yield f"ALTER TABLE {part.parent} DETACH PARTITION {part.name}"
    if drop:
        yield f"DROP TABLE {part.name}"
    else:
        yield f"CREATE SCHEMA IF NOT EXISTS {KEPT_SCHEMA}"
        yield f"ALTER TABLE {part.name} SET SCHEMA {KEPT_SCHEMA}"
