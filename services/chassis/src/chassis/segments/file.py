"""One segment's file: written block by block, read by lane, by position or by stream."""

import json
from array import array
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from chassis.envelope import Stored
from chassis.errors import Unavailable
from chassis.segments.columns import SCHEMA, events_of, table_of
from chassis.segments.manifest import FORMAT, BrokenArchive, Segment
from chassis.segments.store import Store, digest_of

BLOCK = 25_000
_HEADER, _STREAMS = b"sixfold", b"sixfold.streams"
_DAMAGE = (OSError, pa.ArrowException, ValueError, TypeError, AttributeError, KeyError)
_lane = attrgetter("lane")
_REPEATING = ["tenant", "stream", "type", "actor", "schema_version"]


@dataclass(frozen=True, kw_only=True, slots=True)
class RowGroup:
    """A part of a file that can be read alone: one lane's events of one block of positions."""

    number: int
    lane: int
    first: int
    last: int


class Writer:
    """Writes events to a local file, each lane of each block as a row group of its own.

    Args:
        path: Of the file.
        service: Whose log it is.
    """

    def __init__(self, path: Path, service: str) -> None:
        self._service = service
        self._streams = set[int]()
        self._parquet = pq.ParquetWriter(
            path, SCHEMA, compression="zstd", use_dictionary=_REPEATING,
            write_statistics=["position", "lane"], write_page_checksum=True,
        )  # fmt: skip

    def write(self, block: Sequence[Stored]) -> None:
        """Add the next events, in position order."""
        for _, events in groupby(sorted(block, key=_lane), key=_lane):
            table = table_of(list(events))
            self._parquet.write_table(table, row_group_size=len(table))
        streams = {(event.tenant, event.stream) for event in block}
        self._streams.update(mark_of(tenant, stream) for tenant, stream in streams)

    def close(self) -> None:
        """Finish the file."""
        header = {"service": self._service, "format": FORMAT}
        streams = b64encode(array("I", sorted(self._streams)).tobytes())
        self._parquet.add_key_value_metadata({_HEADER: json.dumps(header), _STREAMS: streams})
        self._parquet.close()


def mark_of(tenant: str, stream: str) -> int:
    """Return a stream's mark, 32 bits: whether a segment may have events of it."""
    return int.from_bytes(sha256(f"{tenant}/{stream}".encode()).digest()[:4], "little")


def has_mark(marks: Sequence[int], mark: int) -> bool:
    """Say whether a mark is among a segment's, which are sorted.

    >>> has_mark([2, 5, 9], 5), has_mark([2, 5, 9], 6), has_mark([], 1)
    (True, False, False)
    """
    at = bisect_left(marks, mark)
    return at < len(marks) and marks[at] == mark


class SegmentFile:
    """A segment's file, open; ``marks`` are those of the streams in it.

    Raises:
        BrokenArchive: it is missing, or no such file.
        Unavailable: the archive does not answer.
    """

    def __init__(self, store: Store, segment: Segment) -> None:
        self.segment = segment
        self._store = store
        self._one_reader = Lock()
        with reading(segment), self._reached():
            opened = store.opened(segment.file)
            if opened.size() != segment.size:
                raise BrokenArchive(f"{segment}: its file {segment.file} has another size")
            self._file = pq.ParquetFile(opened, page_checksum_verification=True, pre_buffer=True)
            if not self._file.schema_arrow.equals(SCHEMA):
                raise BrokenArchive(f"{segment} has other columns")
            self.groups = list(_groups(self._file.metadata))
            self.marks = _marks(self._file.metadata.metadata)

    def read(self, groups: Sequence[RowGroup]) -> Any:
        """Return the rows of some groups as an Arrow table in position order."""
        with self._one_reader, reading(self.segment), self._reached():
            numbers = [group.number for group in groups]
            table = self._file.read_row_groups(numbers, use_threads=False)
            return table.take(pc.sort_indices(table.column("position")))

    def blocks(self) -> Iterator[list[RowGroup]]:
        """Yield the groups that lie beside each other, in position order."""
        block: list[RowGroup] = []
        for group in self.groups:
            if block and group.lane <= block[-1].lane:
                yield block
                block = []
            block.append(group)
        if block:
            yield block

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Tell a silent archive from a damaged file: pyarrow has one error for both."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            if digest_of(self._store.chunks(self.segment.file)) == self.segment.sha256:
                raise Unavailable(f"the archive does not answer: {error}") from error
            raise


@contextmanager
def reading(segment: Segment) -> Iterator[None]:
    """Turn whatever a reader says about damaged bytes into ``BrokenArchive``."""
    try:
        yield
    except FileNotFoundError as error:
        raise BrokenArchive(f"{segment}: its file {segment.file} is missing") from error
    except _DAMAGE as error:
        raise BrokenArchive(f"{segment} cannot be read: {error}") from error


def _groups(metadata: Any) -> Iterator[RowGroup]:
    place = {name: SCHEMA.get_field_index(name) for name in ("position", "lane")}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        positions, lanes = (group.column(place[name]).statistics for name in ("position", "lane"))
        if positions is None or lanes is None or lanes.min is None or lanes.min != lanes.max:
            raise ValueError(f"row group {number} is not one lane's")
        yield RowGroup(number=number, lane=lanes.min, first=positions.min, last=positions.max)


def _marks(metadata: Any) -> "array[int]":
    marks = array("I")
    marks.frombytes(b64decode((metadata or {})[_STREAMS], validate=True))
    return marks


def decoded(segment: Segment, table: Any) -> list[Stored]:
    """Return the events in a segment's rows; raises BrokenArchive."""
    with reading(segment):
        return list(events_of(table))
