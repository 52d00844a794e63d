"""The port of the event log: what every adapter promises, shown by ``testing.LogContract``.

1. Append to one stream or several is atomic; of concurrent writers of one version exactly
   one wins and the others get ``Conflict``.
2. The same command id again returns the first result and records nothing; with another
   command it is refused.
3. A reader that tails by position sees every committed event exactly once, positions without
   gaps, each stream in version order.
4. Rows are only ever inserted; the database itself refuses UPDATE and DELETE.
5. One hash chain per lane makes tampering and forks evident.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, NamedTuple, Protocol, overload
from uuid import UUID

from chassis.clock import FIRST_YEAR, LAST_YEAR, micros, on_calendar
from chassis.context import Context
from chassis.envelope import (
    COLUMNS,
    GENESIS,
    Envelope,
    Recorded,
    Stored,
    chain_of,
    envelope_of,
    subjects_text,
)
from chassis.errors import Invalid, Rejected
from chassis.ids import derived_id, derived_text, lane_of

_LANE = COLUMNS.index("lane")
_NO_HEAD = (0, GENESIS)


class CommandReused(Rejected):
    """The command id was used before, with another command."""

    code = "command_reused"
    status = 422


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An encoded event that has no place in a stream yet."""

    type: str
    schema_version: int
    subjects: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Append:
    """Events for one stream.

    Args:
        expected_version: What the stream must be at before them; 0: it must not exist.
        not_before: When the stream's last event occurred: time never runs backwards in a
            stream, however skewed the clocks of two writers are.
        occurred_at: When these events happened, where an import brings facts of several
            moments; the context's moment otherwise.
    """

    stream: str
    expected_version: int
    drafts: Sequence[Draft]
    not_before: datetime | None = None
    occurred_at: datetime | None = None

    def moment(self, now: datetime) -> datetime:
        """Return when the events occurred, for a command that happens ``now``.

        Raises:
            Invalid: it is in no year that a log can hold.
        """
        happened = self.occurred_at or now
        if not on_calendar(happened):
            raise Invalid({"occurred_at": [f"Not between {FIRST_YEAR} and {LAST_YEAR}."]})
        return max(happened, self.not_before or happened)


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """A run of versions in one stream, both ends included."""

    stream: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Appended:
    """What a command recorded.

    Args:
        events: In the order they were written, made when looked at; empty when ``repeated``.
        spans: Where they stand; the first result's when ``repeated``.
        repeated: The command had been carried out before; nothing was written now.
    """

    events: Sequence[Envelope]
    spans: Sequence[Span]
    repeated: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LaneHead:
    """The last event of a lane, or position 0 and the genesis chain."""

    position: int = 0
    chain: bytes = GENESIS


class Place(NamedTuple):
    """Where an event stands in the log's total order."""

    position: int
    lane: int
    prev: int
    chain: bytes


class Log(Protocol):
    """The event log as one open transaction sees it."""

    def append(
        self, context: Context, appends: Sequence[Append], *, recorded_at: datetime
    ) -> Appended:
        """Record events, all or none.

        Raises:
            Conflict: a stream does not have its expected version.
            CommandReused: the command id belongs to another command.
        """

    def outcome(self, context: Context) -> Sequence[Span] | None:
        """Return what the context's command recorded earlier, None if it never ran.

        Raises:
            CommandReused: the command id belongs to another command.
        """

    def stream(self, tenant: str, stream: str, *, after: int = 0) -> Sequence[Envelope]:
        """Return a stream's events with versions above ``after``, oldest first."""

    def position_of(self, tenant: str, stream: str, version: int) -> int | None:
        """Return where one event stands in the whole log, None while it has no position yet."""

    def after(self, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of the whole log in position order."""

    def stored_after(self, position: int, *, limit: int) -> Sequence[Stored]:
        """Return the same as ``after``, as columns: for whoever only moves or checks events."""

    def lane_after(self, lane: int, position: int, *, limit: int) -> Sequence[Recorded]:
        """Return the next events of one lane in position order."""

    def at(self, position: int) -> Recorded | None:
        """Return the event at a position."""

    def head(self) -> int:
        """Return the last position, 0 for an empty log."""

    def unplaced(self) -> int:
        """Return how many committed events have no position yet."""

    def lane_heads(self) -> Mapping[int, LaneHead]:
        """Return the head of every lane that has events."""

    def as_of(self, moment: datetime) -> int:
        """Return the position up to which everything was recorded by ``moment``."""


def event_id(command_id: UUID, index: int) -> UUID:
    """Return the id of a command's n-th event, so that a repeat derives the same."""
    return derived_id(command_id, index)


def rows_of(
    context: Context, appends: Sequence[Append], recorded_at: datetime
) -> list[tuple[Any, ...]]:
    """Return what ``each_row`` yields; raises Invalid."""
    return list(each_row(context, appends, recorded_at))


def each_row(
    context: Context, appends: Sequence[Append], recorded_at: datetime
) -> Iterator[tuple[Any, ...]]:
    """Give every draft its identity and its place in its stream, while they are asked for.

    Returns:
        The events' columns, in the order of ``envelope.COLUMNS``.

    Raises:
        Invalid: at once, when one happened in no year that a log can hold.
    """
    moments = [micros(append.moment(context.now)) for append in appends]
    return _each_row(context, appends, moments, micros(recorded_at))


def _each_row(
    context: Context, appends: Sequence[Append], moments: Sequence[int], recorded_at: int
) -> Iterator[tuple[Any, ...]]:
    command, indices = str(context.command_id), count()
    lineage = (
        recorded_at, context.actor, command, str(context.correlation_id),
        str(context.causation_id), context.traceparent,
    )  # fmt: skip
    for append, occurred_at in zip(appends, moments, strict=True):
        shared = (lane_of(context.tenant, append.stream), occurred_at, *lineage)
        for version, draft in enumerate(append.drafts, start=append.expected_version + 1):
            identity = derived_text(command, next(indices))
            own = (identity, context.tenant, append.stream, version, draft.type)
            subjects = subjects_text(draft.subjects)
            yield (*own, draft.schema_version, *shared, subjects, draft.data)


class Written(Sequence[Envelope]):
    """The envelopes of rows that were written, made when somebody looks at them."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows

    def __len__(self) -> int:
        """Return how many events were written."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Envelope: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Envelope]: ...
    def __getitem__(self, index: int | slice) -> Envelope | Sequence[Envelope]:
        """Return one of the events, or several."""
        if isinstance(index, slice):
            return Written(self._rows[index])
        return envelope_of(self._rows[index])

    def __eq__(self, other: object) -> bool:
        """Say whether it has the same events as another sequence."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list


def spans_of(appends: Sequence[Append]) -> list[Span]:
    """Return where a command's events will stand.

    Raises:
        ValueError: two of them are for one stream; their versions would be the same.
    """
    if len({append.stream for append in appends}) < len(appends):
        raise ValueError("a command appends to each of its streams once")
    return [
        Span(
            stream=append.stream,
            first=append.expected_version + 1,
            last=append.expected_version + len(append.drafts),
        )
        for append in appends
        if append.drafts
    ]


def place_all(
    rows: Iterable[tuple[Any, ...]], head: int, lane_heads: Mapping[int, LaneHead]
) -> list[Place]:
    """Return the places of events that follow ``head``, in their order.

    Args:
        rows: Their columns, in the order of ``envelope.COLUMNS``; more may follow.
        head: The log's last position.
        lane_heads: The last event of each lane that has events.
    """
    heads = {lane: (last.position, last.chain) for lane, last in lane_heads.items()}
    places = list[Place]()
    for position, row in enumerate(rows, start=head + 1):
        lane = row[_LANE]
        prev, previous = heads.get(lane, _NO_HEAD)
        chain = chain_of(previous, row, position, prev)
        heads[lane] = (position, chain)
        places.append(Place(position, lane, prev, chain))
    return places
