"""The rows that PostgreSQL's COPY wrote, read again without a server."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from chassis.backup.manifest import BrokenBackup
from chassis.envelope import COLUMNS, Stored

BLOCK = 1 << 20
_ESCAPED = re.compile(rb"\\([bfnrtv\\])")
_MEANS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_NUMBERS = frozenset({"version", "schema_version", "lane", "occurred_at", "recorded_at"})
Row = list[bytes | None]


def lines(content: Any) -> Iterator[bytes]:
    r"""Yield the lines of a file that is read block by block.

    >>> from io import BytesIO
    >>> list(lines(BytesIO(b"1\tone\n2\ttwo\n")))
    [b'1\tone', b'2\ttwo']
    """
    left = b""
    while block := content.read(BLOCK):
        *whole, left = (left + block).split(b"\n")
        yield from whole
    if left:
        raise BrokenBackup("a file ends inside a row")


def values(line: bytes) -> Row:
    r"""Return the values of one row.

    >>> values(rb"1" + b"\t" + rb"a\tb\\c" + b"\t" + rb"\N")
    [b'1', b'a\tb\\c', None]
    """
    return [None if each == rb"\N" else _plain(each) for each in line.split(b"\t")]


def binary(value: bytes | None) -> bytes:
    r"""Return the bytes of a ``bytea``.

    >>> binary(rb"\x6869")
    b'hi'
    """
    return bytes.fromhex((value or b"")[2:].decode())


def placed_events(
    positions: Iterable[bytes], place_columns: Sequence[str],
    events: Iterable[bytes], event_columns: Sequence[str],
) -> Iterator[Stored]:  # fmt: skip
    """Yield events by their positions, from the rows of both tables in the order of their keys.

    Rows that were committed late have a lower number than their neighbours' positions say; only
    those wait in memory.

    Raises:
        BrokenBackup: a position has no event.
    """
    place = {name: at for at, name in enumerate(place_columns)}
    column = {name: at for at, name in enumerate(event_columns)}
    waiting: dict[int, Row] = {}
    coming = ((int(row[column["row_id"]] or 0), row) for row in map(values, events))
    for line in positions:
        where = values(line)
        row_id, position = int(where[place["row_id"]] or 0), int(where[place["position"]] or 0)
        while row_id not in waiting:
            number, row = next(coming, (0, []))
            if not row:
                raise BrokenBackup(f"position {position} has no event")
            waiting[number] = row
        row = waiting.pop(row_id)
        yield Stored._make(
            (
                *(_typed(name, row[column[name]]) for name in COLUMNS),
                position,
                int(where[place["prev"]] or 0),
                binary(where[place["chain"]]),
            )
        )


def _typed(name: str, value: bytes | None) -> Any:
    if name in _NUMBERS:
        return int(value or 0)
    if name == "data":
        return binary(value)
    return None if value is None else value.decode()


def _plain(value: bytes) -> bytes:
    if b"\\" not in value:
        return value
    return _ESCAPED.sub(lambda found: _MEANS.get(found[1], b"\\"), value)
