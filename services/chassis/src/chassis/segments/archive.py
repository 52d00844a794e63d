"""The archived part of one log, read like a log: by position, by lane, by stream."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from chassis.clock import micros
from chassis.envelope import Recorded, Stored, recorded_of
from chassis.ids import lane_of
from chassis.log import LaneHead
from chassis.segments import manifest
from chassis.segments.file import RowGroup, SegmentFile, decoded, has_mark, mark_of, reading
from chassis.segments.manifest import BrokenArchive, Manifest, Segment
from chassis.segments.store import Store, store_at

OPEN_FILES = 64
KNOWN_MARKS = 1_000  # about 100 kB each: a stream is looked for in every segment
READ_GROUPS = 16


class Archive:
    """The segments of one log, as its manifest lists them.

    Args:
        store: Where they are.
        service: Whose log it is.

    Raises:
        BrokenArchive: the manifest is not what was written.
        Unavailable: the archive does not answer.
    """

    def __init__(self, store: Store, service: str) -> None:
        self.store = store
        self.service = service
        self.manifest = listed(store, service)
        self._opened: Callable[[Segment], SegmentFile] = lru_cache(OPEN_FILES)(self._open)
        self._rows: Callable[[Segment, tuple[RowGroup, ...]], Any] = lru_cache(READ_GROUPS)(
            self._read
        )

        self._marks: Callable[[Segment], Sequence[int]] = lru_cache(KNOWN_MARKS)(
            lambda segment: self._opened(segment).marks
        )

    @property
    def last(self) -> int:
        """The last archived position, 0 when there is none."""
        return self.manifest.last

    def reload(self) -> None:
        """Look for segments that were added."""
        self.manifest = listed(self.store, self.service)

    def heads(self) -> Mapping[int, LaneHead]:
        """Return the heads of the lanes behind the last archived position."""
        return self.manifest.heads

    def after(self, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next archived events in position order; as ``stored_after``."""
        return list(map(recorded_of, self.stored_after(position, limit=limit)))

    def stored_after(self, position: int, *, limit: int) -> Sequence[Stored]:
        """Return the next archived events as columns; may be fewer than there are.

        Raises:
            BrokenArchive: the segment is missing or damaged.
            Unavailable: the archive does not answer.
        """
        for segment in self._behind(position):
            for block in self._opened(segment).blocks():
                if block and max(group.last for group in block) > position:
                    return self._page(segment, tuple(block), position, limit)
        return ()

    def lane_after(self, lane: int, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next archived events of one lane; may be fewer than there are.

        Raises:
            BrokenArchive: a segment is missing or damaged.
            Unavailable: the archive does not answer.
        """
        for segment in self._behind(position):
            if segment.end_of(lane) <= max(position, segment.first - 1):
                continue
            for group in self._opened(segment).groups:
                if group.lane == lane and group.last > position:
                    page = self._page(segment, (group,), position, limit)
                    return list(map(recorded_of, page))
        return ()

    def at(self, position: int) -> Recorded | None:
        """Return the event at a position, None when it is not archived; raises as ``after``."""
        found = self.after(position - 1, limit=1) if 1 <= position <= self.last else ()
        return next((event for event in found if event.position == position), None)

    def stream(self, tenant: str, stream: str) -> list[Recorded]:
        """Return the archived events of one stream, oldest first; raises as ``after``."""
        lane, mark = lane_of(tenant, stream), mark_of(tenant, stream)
        return [
            event
            for segment in self.manifest.segments
            if segment.end_of(lane) >= segment.first and has_mark(self._marks(segment), mark)
            for event in map(recorded_of, self._stream_in(segment, lane, tenant, stream))
        ]

    def as_of(self, moment: datetime) -> int:
        """Return the archived position up to which everything was recorded by ``moment``."""
        for segment in self.manifest.segments:
            if segment.latest > micros(moment):
                return self._first_later(segment, moment) - 1
        return self.last

    def events(self, segment: Segment) -> Iterator[list[Stored]]:
        """Yield a segment's events block by block, in position order; raises as ``after``."""
        file = SegmentFile(self.store, segment)
        for block in file.blocks():
            yield decoded(segment, file.read(block))

    def _behind(self, position: int) -> Sequence[Segment]:
        segments = self.manifest.segments
        return segments[bisect_left(segments, position + 1, key=lambda segment: segment.last) :]

    def _page(
        self, segment: Segment, groups: tuple[RowGroup, ...], position: int, limit: int
    ) -> list[Stored]:
        rows = self._rows(segment, groups)
        start = bisect_left(rows.column("position").to_numpy(), position + 1)
        return decoded(segment, rows.slice(start, limit))

    def _stream_in(self, segment: Segment, lane: int, tenant: str, stream: str) -> Iterator[Stored]:
        for group in self._opened(segment).groups:
            if group.lane == lane:
                rows = self._rows(segment, (group,))
                wanted = pc.and_(
                    pc.equal(rows.column("stream"), stream), pc.equal(rows.column("tenant"), tenant)
                )
                yield from decoded(segment, rows.filter(wanted))

    def _first_later(self, segment: Segment, moment: datetime) -> int:
        for block in self._opened(segment).blocks():
            rows = self._rows(segment, tuple(block))
            with reading(segment):
                later = pc.greater(rows.column("recorded_at").cast(pa.int64()), micros(moment))
                found = rows.column("position").filter(later)
            if len(found):
                return int(found[0].as_py())
        raise BrokenArchive(f"{segment} has nothing recorded after {moment}, against its entry")

    def _open(self, segment: Segment) -> SegmentFile:
        return SegmentFile(self.store, segment)

    def _read(self, segment: Segment, groups: tuple[RowGroup, ...]) -> Any:
        return self._opened(segment).read(groups)


def listed(store: Store, service: str) -> Manifest:
    """Return the manifest of a log, an empty one where nothing was archived yet.

    Raises:
        BrokenArchive: it is not what was written.
        Unavailable: the archive does not answer.
    """
    stored = store.read(manifest.NAME)
    return Manifest() if stored is None else manifest.parsed(stored, service)


def archive_at(address: str, service: str) -> Archive:
    """Open the archive of one service's log.

    Raises:
        BrokenArchive: the manifest is not what was written.
        Invalid: there is no such kind of archive.
        Unavailable: it does not answer.
    """
    return Archive(store_at(address, service), service)
