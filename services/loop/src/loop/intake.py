"""Take events in: their envelopes, their facts, and what could not be read of them."""

import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from duckdb import DuckDBPyConnection

from chassis.envelope import Recorded
from chassis.errors import Invalid
from chassis.events import UnknownEvent
from chassis.parked import describe
from chassis.wire import to_text
from loop.facts import Row, facts_of
from loop.store import insert, insert_events, insert_facts

Within = Callable[[Recorded], AbstractContextManager[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """An event that this build cannot read; its facts are missing until another build does."""

    service: str
    event: Recorded
    error: str
    trace: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Intake:
    """What a batch of one producer's events comes to."""

    source: str
    events: Sequence[Recorded]
    rows: Sequence[Row] = field(default_factory=tuple)
    unread: Sequence[Unread] = field(default_factory=tuple)


def read(source: str, events: Sequence[Recorded], *, within: Within = nullcontext) -> Intake:
    """Find the facts of a batch; an event that cannot be read doesn't hold up the others.

    Args:
        source: Whose events they are.
        events: The batch.
        within: Opened around each event.
    """
    rows: list[Row] = []
    unread: list[Unread] = []
    for event in events:
        with within(event):
            found = try_reading(source, event)
        if isinstance(found, Unread):
            unread.append(found)
        else:
            rows.extend(found)
    return Intake(source=source, events=events, rows=rows, unread=unread)


def try_reading(source: str, event: Recorded) -> list[Row] | Unread:
    """Return an event's facts, or why it cannot be read."""
    try:
        return facts_of(source, event)
    except (UnknownEvent, Invalid, ValueError) as error:
        trace = "".join(traceback.format_exception(error))
        return Unread(service=source, event=event, error=str(describe(error)), trace=trace)


def keep(db: DuckDBPyConnection, intake: Intake, *, now: int) -> None:
    """Write a batch inside the caller's transaction."""
    insert_events(db, intake.source, intake.events)
    insert_facts(db, intake.rows)
    insert(db, "parked", [_parked_row(one, now) for one in intake.unread])


def _parked_row(unread: Unread, now: int) -> tuple[str | int, ...]:
    text = to_text(unread.event, unread.service)
    return (
        unread.service,
        unread.event.position,
        text,
        unread.error,
        unread.trace,
        1,
        now,
    )
