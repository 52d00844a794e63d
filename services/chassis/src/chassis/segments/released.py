"""What a PostgreSQL log remembers of the events that left it: up to where, and where they are."""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from chassis import direct
from chassis.segments.manifest import BrokenArchive

if TYPE_CHECKING:
    from chassis.segments.archive import Archive

_LATEST = "SELECT up_to, archive, service FROM released ORDER BY number DESC LIMIT 1"
_NOTE = """INSERT INTO released (up_to, archive, service)
VALUES (:up_to, :archive, :service)"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Released:
    """The beginning of a log that is only in its segments.

    Args:
        up_to: Its last position, 0 when everything is still in the database.
        archive: The segments' address.
        service: Whose log it is.
    """

    up_to: int = 0
    archive: str = ""
    service: str = ""


def released(db: Connection) -> Released:
    """Return what left the database, as this transaction sees it."""
    if db.dialect.name == "sqlite":
        return Released()
    found = direct.rows(db, _LATEST)
    return Released(**found[0]) if found else Released()


def note(db: Connection, gone: Released) -> None:
    """Remember that events left."""
    values = {"up_to": gone.up_to, "archive": gone.archive, "service": gone.service}
    direct.execute(db, _NOTE, values)


def past_of(gone: Released) -> "Archive":
    """Return the segments that hold what left the database.

    Raises:
        BrokenArchive: they are not there, or not what was written.
        Unavailable: the archive does not answer.
    """
    archive = _opened(gone.archive, gone.service)
    if archive.last < gone.up_to:
        archive.reload()
    if archive.last < gone.up_to:
        raise BrokenArchive(
            f"the events of {gone.service} up to position {gone.up_to} left the database, but the "
            f"segments at {gone.archive} end at {archive.last}: put the missing ones back, or say "
            f"where they are now with: sixfold log release {gone.service} --segments PLACE"
        )
    return archive


@cache
def _opened(address: str, service: str) -> "Archive":
    # pyarrow costs every process 40 MB; only one whose log lost its beginning needs it here.
    from chassis.segments.archive import archive_at  # noqa: PLC0415

    return archive_at(address, service)
