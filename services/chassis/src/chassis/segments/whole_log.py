"""A PostgreSQL log whose beginning may have left the database: what is gone comes from segments.

Nothing is asked of the segments, and nothing more of the database, while a read is whole:
positions, versions and each lane's predecessors count without gaps, so every answer shows by
itself whether something is missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from itertools import pairwise
from operator import attrgetter

from sqlalchemy import Connection

from chassis import direct
from chassis.context import Context
from chassis.envelope import Envelope, Recorded, Stored, recorded_of
from chassis.log import Append, Appended, LaneHead, Log, Span
from chassis.log_verify import BrokenLog
from chassis.segments.manifest import BrokenArchive
from chassis.segments.released import Released, past_of, released

_VERSION = "SELECT version FROM streams WHERE tenant = :tenant AND stream = :stream"
_NAMES = tuple(field.name for field in fields(Envelope))
_parts_of = attrgetter(*_NAMES)


class WholeLog:
    """The log as one sequence, wherever its events are now.

    Args:
        live: What the database has.
        db: The transaction that ``live`` reads in.

    Reads raise BrokenArchive or Unavailable where they need segments that cannot be read.
    """

    def __init__(self, live: Log, db: Connection) -> None:
        self._live = live
        self._db = db

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none; raises Conflict, CommandReused."""
        return self._live.append(context, appends, recorded_at=recorded_at)

    def outcome(self, context: Context) -> Sequence[Span] | None:
        """Return what the context's command recorded earlier; raises CommandReused."""
        return self._live.outcome(context)

    def stream(self, tenant: str, stream: str, *, after: int = 0) -> Sequence[Envelope]:
        """Return a stream's events with versions above ``after``, oldest first."""
        live = self._live.stream(tenant, stream, after=after)
        if live and live[0].version == after + 1:
            return live
        end = live[0].version - 1 if live else self._version(tenant, stream)
        if end <= after:
            return live
        # What was appended since the first look must not be taken for something that is gone.
        live = live or self._live.stream(tenant, stream, after=after)
        end = live[0].version - 1 if live else end
        return [*self._gone(tenant, stream, after, end), *live]

    def position_of(self, tenant: str, stream: str, version: int) -> int | None:
        """Return where one event stands in the whole log, None while it has no position yet."""
        position = self._live.position_of(tenant, stream, version)
        gone = self._released() if position is None else Released()
        if not gone.up_to:
            return position
        archived = past_of(gone).stream(tenant, stream)
        return next((event.position for event in archived if event.version == version), None)

    def after(self, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of the whole log in position order; may be fewer."""
        return list(map(recorded_of, self.stored_after(position, limit=limit)))

    def stored_after(self, position: int, *, limit: int) -> Sequence[Stored]:
        """Return the same as ``after``, as columns."""
        live = self._live.stored_after(position, limit=limit)
        if live and live[-1].position == position + len(live):
            return live
        gone = self._released()
        if position < gone.up_to:
            return _whole(past_of(gone).stored_after(position, limit=limit), position)
        return _without_gap(live, position)

    def lane_after(self, lane: int, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of one lane in position order; may be fewer."""
        live = self._live.lane_after(lane, position, limit=limit)
        if live and _linked(live, position):
            return live
        gone = self._released()
        archived = (
            past_of(gone).lane_after(lane, position, limit=limit) if position < gone.up_to else ()
        )
        if archived and not _linked(archived, position):
            raise BrokenArchive(f"lane {lane}: events after position {position} are missing")
        if live and not archived:
            raise BrokenLog(f"position {live[0].position}: lane {lane} misses what is before it")
        return archived

    def at(self, position: int) -> Recorded | None:
        """Return the event at a position."""
        event = self._live.at(position)
        gone = self._released() if event is None else Released()
        return past_of(gone).at(position) if 1 <= position <= gone.up_to else event

    def head(self) -> int:
        """Return the last position, 0 for an empty log."""
        return self._live.head()

    def unplaced(self) -> int:
        """Return how many committed events have no position yet."""
        return self._live.unplaced()

    def lane_heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""
        return self._live.lane_heads()

    def as_of(self, moment: datetime) -> int:
        """Return the position up to which everything was recorded by ``moment``."""
        gone = self._released()
        if gone.up_to:
            archive = past_of(gone)
            found = archive.as_of(moment)
            if found < archive.last:
                return found
        return self._live.as_of(moment)

    def _released(self) -> Released:
        return released(self._db)

    def _version(self, tenant: str, stream: str) -> int:
        return direct.scalar(self._db, _VERSION, {"tenant": tenant, "stream": stream}) or 0

    def _gone(self, tenant: str, stream: str, after: int, end: int) -> list[Envelope]:
        """Return versions that left the database; never a part of them."""
        gone = self._released()
        archived = past_of(gone).stream(tenant, stream) if gone.up_to else []
        found = [event for event in archived if after < event.version <= end]
        if [event.version for event in found] != list(range(after + 1, end + 1)):
            raise BrokenLog(f"versions {after + 1} to {end} of {stream} are nowhere to be found")
        return [Envelope(**dict(zip(_NAMES, _parts_of(event), strict=True))) for event in found]


def _whole(archived: Sequence[Stored], position: int) -> Sequence[Stored]:
    if not archived or archived[-1].position != position + len(archived):
        raise BrokenArchive(f"events after position {position} are missing in the segments")
    return archived


def _without_gap(live: Sequence[Stored], position: int) -> Sequence[Stored]:
    if live:
        raise BrokenLog(f"position {position + 1}: something is missing in front of the next event")
    return live


def _linked(events: Sequence[Recorded], position: int) -> bool:
    """Say whether a lane's events follow each other, and the first of them ``position``."""
    if events[0].prev > position:
        return False
    return all(later.prev == earlier.position for earlier, later in pairwise(events))
