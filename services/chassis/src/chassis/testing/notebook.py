"""A service of a few lines, with which the tests drive the mechanism from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar
from uuid import UUID

from marshmallow import validate
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select, text

from chassis import idempotency
from chassis.changes import Changes, put
from chassis.clock import Clock
from chassis.database import Database
from chassis.decider import Decider
from chassis.entrypoints import command, query
from chassis.envelope import Envelope
from chassis.errors import NotFound, Rejected
from chassis.events import EventRegistry
from chassis.ids import derived_id
from chassis.log_sqlite import SCHEMA_V1
from chassis.privacy import MemoryKeys
from chassis.projections import Projection
from chassis.quotas import events as quota_events
from chassis.quotas import tables as quota_tables
from chassis.quotas.stock import Held, Stock
from chassis.routes import Call, Reply
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.unit_of_work import UnitOfWork

registry = EventRegistry("notebook")
metadata = MetaData()
responses = idempotency.define_table(metadata)
quota_tables.define_tables(metadata)
quota_events.declare(registry)
notes = Table(
    "notes",
    metadata,
    Column("tenant", Text, primary_key=True),
    Column("note_id", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("version", Integer, nullable=False),
)
shelf = Projection("notes", [notes])


class Colour(StrEnum):
    """What a note looks like."""

    YELLOW = "yellow"
    GREEN = "green"


@registry.event("note_written")
@dataclass(frozen=True, kw_only=True, slots=True)
class NoteWritten:
    """Somebody wrote a note, or wrote it anew."""

    note_id: UUID
    title: str


class TitleForbidden(Rejected):
    """A note must not be called that."""

    code: ClassVar[str] = "title_forbidden"
    requirement: ClassVar[str | None] = "N1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What a client sends to write a note."""

    title: Annotated[str, validate.Length(min=1, max=100)]
    colour: Colour = Colour.YELLOW
    price: Decimal | None = None
    pages: int = 1
    loud: bool = False
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NoteView:
    """A note as it stands."""

    note_id: UUID
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which notes to list."""

    limit: Annotated[int, validate.Range(min=1, max=100)] = 10
    cursor: str | None = None
    loud: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some notes, and where the next ones begin."""

    notes: tuple[NoteView, ...]
    next: str | None


def decide(_written: int, note: NoteWritten) -> Sequence[NoteWritten]:
    """Write a note, unless its title is forbidden."""
    if note.title == "forbidden":
        raise TitleForbidden(note.title)
    return [note]


NOTE: Decider[int, NoteWritten, NoteWritten] = Decider(
    category="note", initial=0, decide=decide, evolve=lambda written, _event: written + 1
)


@shelf.fold(NoteWritten)
def shelve(event: NoteWritten, stored: Envelope) -> Changes:
    """Put a note on the shelf, or in the place of the one that was there."""
    note = {"tenant": stored.tenant, "note_id": str(event.note_id), "title": event.title}
    yield put(notes, **note, version=stored.version)


class NotebookService:
    """Translate requests into notes."""

    name = "notebook"

    @command("/v1/notes", body=Note, reply=NoteView, scope="notes:write")
    def write_note(self, work: UnitOfWork, call: Call[Note]) -> Reply:
        """Write a note."""
        return _write(work, derived_id(work.context.command_id, "note"), call.body.title)

    @command(
        "/v1/notes/<uuid:note_id>",
        method="PUT",
        body=Note,
        reply=NoteView,
        scope="notes:write",
        status=200,
        requires_match=True,
    )
    def rewrite_note(self, work: UnitOfWork, call: Call[Note]) -> Reply:
        """Write a note anew."""
        return _write(work, call.path["note_id"], call.body.title, call.if_match)

    @command("/v1/notes/<uuid:note_id>/last-words", body=Note, scope="notes:write", promised=True)
    def end_note(self, work: UnitOfWork, call: Call[Note]) -> Reply:
        """Write what was promised."""
        return _write(work, call.path["note_id"], call.body.title)

    @query("/v1/notes/<uuid:note_id>", reply=NoteView, scope="notes:read")
    def show_note(self, db: Connection, call: Call[None]) -> Reply:
        """Show a note."""
        found = db.execute(
            select(notes).where(
                notes.c.tenant == call.tenant, notes.c.note_id == str(call.path["note_id"])
            )
        ).one_or_none()
        if found is None:
            raise NotFound("There is no such note.")
        return Reply(body=_view(found), version=found.version)

    @query("/v1/notes", query=Wanted, reply=Page, scope="notes:read")
    def list_notes(self, db: Connection, call: Call[None]) -> Reply:
        """List the notes, page by page."""
        wanted: Wanted = call.query
        after = call.cursors.read(wanted.cursor) or ""
        page = (
            select(notes)
            .where(notes.c.tenant == call.tenant, notes.c.note_id > after)
            .order_by(notes.c.note_id)
            .limit(wanted.limit)
        )
        rows = db.execute(page).all()
        full = len(rows) == wanted.limit
        cursor = call.cursors.write(rows[-1].note_id) if full else None
        return Reply(body=Page(notes=tuple(map(_view, rows)), next=cursor))


def notebook_storage(folder: Path, clock: Clock) -> Storage:
    """Return the notebook's storage in a new SQLite file."""
    database = Database(f"sqlite:///{folder}/notebook.db")
    with database.begin() as db:
        for statement in SCHEMA_V1:
            db.execute(text(statement))
        metadata.create_all(db)
    return Storage(
        service="notebook",
        database=database,
        registry=registry,
        keys=MemoryKeys(),
        clock=clock,
        secret=SECRET,
        inline=[shelf, Held(Stock(name="notes", comes=[NoteWritten]))],
    )


def _write(work: UnitOfWork, note_id: UUID, title: str, expected: int | None = None) -> Reply:
    note = NoteWritten(note_id=note_id, title=title)
    done = work.execute(NOTE, note_id, note, expected_version=expected)
    return Reply(body=NoteView(note_id=note_id, title=title), version=done.version)


def _view(row: Any) -> NoteView:
    return NoteView(note_id=UUID(row.note_id), title=row.title)
