"""The list of a log's segments: what each holds, and a seal over it and everything before it."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec.structs import replace

from chassis.errors import Alarm
from chassis.log import LaneHead

FORMAT = 1  # of the columns and of the entries
NAME = "manifest.json"
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Position = Annotated[int, msgspec.Meta(ge=1, le=2**62)]
Lane = Annotated[str, msgspec.Meta(pattern=r"^(1[0-5]|[0-9])\Z")]
File = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{15}-[0-9]{15}-[0-9a-f]{16}\.parquet\Z")]
NOTHING = "0" * 64


class BrokenArchive(Alarm):
    """The segments are not what was exported; the message says where and how."""

    code = "broken_archive"


class Head(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last event of a lane: its position, and its chain in hexadecimal."""

    position: Position
    chain: Hash


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One closed range of one log.

    Args:
        format: Of the file's columns.
        service: Whose log it is a part of.
        first, last: Its positions, both ends included.
        count: How many events it has.
        earliest, latest: Between which moments they were recorded, in µs since 1970.
        file: Its name, which has the beginning of the file's hash in it.
        size: Of the file, in bytes.
        sha256: Of the file.
        content: SHA-256 over the chains of its events in their order; the chains cover the events.
        before, after: The heads of the lanes in front of its first event and behind its last.
        previous: The seal of the segment before, zeros for the first.
        seal: SHA-256 over everything above.
    """

    format: int
    service: str
    first: Position
    last: Position
    count: Position
    earliest: int
    latest: int
    file: File
    size: Position
    sha256: Hash
    content: Hash
    before: dict[Lane, Head]
    after: dict[Lane, Head]
    previous: Hash
    seal: Hash

    def end_of(self, lane: int) -> int:
        """Return the last position of a lane up to the segment's end, 0 if it has none."""
        head = self.after.get(str(lane))
        return head.position if head else 0

    def __hash__(self) -> int:
        """Return a hash of the seal, which covers the rest."""
        return hash(self.seal)

    def __str__(self) -> str:
        """Return how messages name it."""
        return f"segment {self.first} to {self.last} of {self.service}"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every segment of one log, oldest first."""

    segments: tuple[Segment, ...] = ()

    @property
    def last(self) -> int:
        """The last archived position, 0 when there is none."""
        return self.segments[-1].last if self.segments else 0

    @property
    def heads(self) -> dict[int, LaneHead]:
        """The heads of the lanes behind the last archived position."""
        return read_heads(self.segments[-1].after) if self.segments else {}

    def with_one_more(self, segment: Segment) -> "Manifest":
        """Return the list with a segment at its end, sealed to the one before."""
        before = self.segments[-1].seal if self.segments else NOTHING
        return Manifest((*self.segments, sealed(replace(segment, previous=before))))

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        return msgspec.json.format(_encoded(self), indent=1) + b"\n"


def sealed(segment: Segment) -> Segment:
    """Return a segment with the seal that belongs to the rest of it."""
    unsealed = replace(segment, seal=NOTHING)
    return replace(segment, seal=sha256(_encoded(unsealed)).hexdigest())


def _encoded(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def parsed(stored: bytes, service: str) -> Manifest:
    """Return a log's manifest from its bytes.

    Raises:
        BrokenArchive: it is none, or of another log, or was changed.
    """
    try:
        manifest = msgspec.json.decode(stored, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BrokenArchive(f"the manifest of {service} cannot be read: {error}") from error
    before: Segment | None = None
    for segment in manifest.segments:
        _check(segment, before, service)
        before = segment
    return manifest


def _check(segment: Segment, before: Segment | None, service: str) -> None:
    if segment.service != service:
        raise BrokenArchive(f"{segment} stands in the manifest of {service}")
    if segment.format != FORMAT:
        raise BrokenArchive(f"{segment} has format {segment.format}, this build reads {FORMAT}")
    start = before.last + 1 if before else 1
    if segment.first != start:
        raise BrokenArchive(f"{segment} should begin at position {start}")
    if segment.count != segment.last - segment.first + 1:
        raise BrokenArchive(f"{segment} cannot have {segment.count} events")
    if segment.previous != (before.seal if before else NOTHING):
        raise BrokenArchive(f"{segment} is not sealed to the segment before it")
    if segment.before != (before.after if before else {}):
        raise BrokenArchive(f"{segment} does not continue the lanes of the segment before it")
    if segment != sealed(segment):
        raise BrokenArchive(f"{segment} was changed in the manifest: its seal does not fit")


def written_heads(heads: Mapping[int, LaneHead]) -> dict[str, Head]:
    """Return lanes' heads as a manifest has them."""
    return {
        str(lane): Head(position=head.position, chain=head.chain.hex())
        for lane, head in heads.items()
    }


def read_heads(heads: Mapping[str, Head]) -> dict[int, LaneHead]:
    """Return lanes' heads out of a manifest."""
    return {
        int(lane): LaneHead(position=head.position, chain=bytes.fromhex(head.chain))
        for lane, head in heads.items()
    }
