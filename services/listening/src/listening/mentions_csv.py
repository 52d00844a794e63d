"""Read a user's own mentions from CSV: good rows are kept, bad ones refused by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo

from chassis.tables_csv import BadRow, Layout, Record, read_table

Kind = Literal["post", "repost", "comment", "dm", "review", "voice"]

LAYOUT = Layout(
    required=(
        "platform",
        "post_id",
        "author_id",
        "author_name",
        "text",
        "posted_at",
        "kind",
        "parent_id",
        "root_id",
    ),
    optional=("is_at",),
    may_be_empty=frozenset({"author_name", "parent_id", "root_id"}),
    longest={"text": 10_000, "platform": 50, "posted_at": 40},
    default_longest=200,
)

_DATE_ONLY = 10
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_YES_NO = {"": None, "true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One mention as the file gives it; the moment is UTC, ``is_at`` is None if not said."""

    line: int
    platform: str
    post_id: str
    author_id: str
    author_name: str
    text: str
    posted_at: datetime
    kind: Kind
    parent_id: str | None = None
    root_id: str | None = None
    is_at: bool | None = None

    @property
    def conversation_id(self) -> str:
        """The post that the conversation began with, as far as the row knows."""
        return self.root_id or self.parent_id or self.post_id


class _Unreadable(Exception):
    """A field does not say what it should; the message is the reason."""


def read_rows(
    lines: Iterable[str | bytes], *, zone: ZoneInfo | None = None
) -> Iterator[Row | BadRow]:
    """Read mentions; never raises for what stands in the file.

    Args:
        lines: Lines as a file opened with ``newline=""`` or in binary mode yields them.
        zone: The zone of times that name none; without it they are refused.
    """
    for found in read_table(lines, LAYOUT):
        yield found if isinstance(found, BadRow) else row_of(found, zone)


def row_of(record: Record, zone: ZoneInfo | None = None) -> Row | BadRow:
    """Return the mention in a record that has at least the columns of ``LAYOUT``."""
    try:
        return _mention(record, zone)
    except _Unreadable as problem:
        return BadRow(line=record.line, reason=str(problem))


def _mention(record: Record, zone: ZoneInfo | None) -> Row:
    cells = {name: value.strip() for name, value in record.cells.items()}
    return Row(
        line=record.line,
        platform=cells["platform"].lower(),
        post_id=cells["post_id"],
        author_id=cells["author_id"],
        author_name=cells["author_name"],
        text=record.cells["text"],
        posted_at=_moment(cells["posted_at"], zone),
        kind=_kind(cells["kind"]),
        parent_id=cells["parent_id"] or None,
        root_id=cells["root_id"] or None,
        is_at=_yes_no(cells.get("is_at", "")),
    )


def _kind(value: str) -> Kind:
    if value not in get_args(Kind):
        raise _Unreadable(f"kind is not one of {', '.join(get_args(Kind))}.")
    return cast("Kind", value)


def _yes_no(value: str) -> bool | None:
    if value.lower() not in _YES_NO:
        raise _Unreadable("is_at is neither true nor false.")
    return _YES_NO[value.lower()]


def _moment(value: str, zone: ZoneInfo | None) -> datetime:
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        read = None
    if read is None or len(value) <= _DATE_ONLY:
        raise _Unreadable("posted_at is not an ISO 8601 date and time.")
    # At the ends of the calendar there is no room for zones, nor for the promise to answer.
    if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
        raise _Unreadable(f"posted_at lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    if read.tzinfo is None:
        read = _placed(read, zone)
    return read.astimezone(UTC)


def _placed(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """Give a wall time its zone; of a time that came twice, the first is meant."""
    if zone is None:
        raise _Unreadable("posted_at has no zone; write an offset such as +08:00, or name a zone.")
    return wall.replace(tzinfo=zone)
