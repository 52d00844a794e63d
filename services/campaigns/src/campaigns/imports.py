"""Bulk imports: good rows are kept, bad ones named, and the same rows again add nothing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from campaigns import queries
from campaigns.events import SessionRecorded, TouchRecorded
from campaigns.messages import SessionRow, TouchRow
from campaigns.replies import Imported, RowProblem
from chassis import schemas
from chassis.errors import Invalid
from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork

R = TypeVar("R", TouchRow, SessionRow)
Known = Callable[[Connection, str, list[str]], set[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind(Generic[R]):
    """One kind of row.

    Args:
        name: Also the category of the streams.
        row: What a row looks like.
        event: The fact in a row.
        at: When it happened.
        problem: What else is wrong with a row that fits its form.
        known: Which ids are recorded already.
    """

    name: str
    row: type[R]
    event: Callable[[UUID, R], Any]
    at: Callable[[R], datetime]
    problem: Callable[[R], dict[str, list[str]] | None]
    known: Known


def import_rows(work: UnitOfWork, kind: Kind[R], rows: Sequence[Any]) -> Imported:
    """Record the rows that fit and are new; return what became of all of them."""
    read = list(_read(kind, rows))
    refused = tuple(found for found in read if isinstance(found, RowProblem))
    good = [found for found in read if not isinstance(found, RowProblem)]
    # The first of several rows with one key stands for all of them.
    by_id = {derived_id(work.tenant, kind.name, row.key): row for row in reversed(good)}
    known = kind.known(work.db, work.tenant, [str(row_id) for row_id in by_id])
    new = {row_id: row for row_id, row in reversed(by_id.items()) if str(row_id) not in known}
    for row_id, row in new.items():
        event = kind.event(row_id, row)
        work.add(f"{kind.name}-{row_id}", [event], occurred_at=kind.at(row))
    return Imported(recorded=len(new), known=len(good) - len(new), refused=refused)


def _read(kind: Kind[R], rows: Sequence[Any]) -> Iterator[R | RowProblem]:
    for number, row in enumerate(rows, start=1):
        try:
            read = schemas.load(kind.row, row)
        except Invalid as error:
            yield RowProblem(row=number, problems=error.problems)
            continue
        problem = kind.problem(read)
        yield RowProblem(row=number, problems=problem) if problem else read


def _touch(touch_id: UUID, row: TouchRow) -> TouchRecorded:
    return TouchRecorded(
        touch_id=touch_id,
        subject=row.subject,
        channel=row.channel,
        campaign_id=row.campaign_id,
        content_id=row.content_id,
        kind=row.kind,
        direct=row.direct,
        cost=row.cost,
        at=row.at,
    )


def _session(session_id: UUID, row: SessionRow) -> SessionRecorded:
    return SessionRecorded(
        session_id=session_id,
        subject=row.subject,
        source=row.source,
        device=row.device,
        started_at=row.started_at,
        ended_at=row.ended_at,
        steps=row.steps,
    )


def _ends_before_it_starts(row: SessionRow) -> dict[str, list[str]] | None:
    if row.ended_at < row.started_at:
        return {"ended_at": ["Lies before started_at."]}
    return None


TOUCHES = Kind(
    name="touch",
    row=TouchRow,
    event=_touch,
    at=lambda row: row.at,
    problem=lambda _row: None,
    known=queries.known_touches,
)
SESSIONS = Kind(
    name="session",
    row=SessionRow,
    event=_session,
    at=lambda row: row.started_at,
    problem=_ends_before_it_starts,
    known=queries.known_sessions,
)
