"""What callers send to listening."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from marshmallow import validate

from chassis.schemas import Readable, Whole
from listening.case_events import Outcome
from listening.mentions_csv import Kind
from listening.reply_clock import Boundary

MOST_ROWS = 1000
_Brand = Annotated[str, validate.Length(min=1, max=200), Readable()]
_Platform = Annotated[
    str, Whole(r"^[^A-Z\s/][^A-Z/]{0,49}$", error="Not a platform's name in lower case.")
]
_PlatformId = Annotated[str, validate.Length(min=1, max=200), Readable()]
_Name = Annotated[str, validate.Length(min=1, max=200), Readable()]
_Term = Annotated[str, validate.Length(min=1, max=100), Readable()]
_Minutes = Annotated[int, validate.Range(min=1, max=7 * 24 * 60)]
_Wall = Annotated[str, Whole(r"^[0-2][0-9]:[0-5][0-9]$")]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchBody:
    """What a brand listens for."""

    brand: _Brand
    terms: tuple[_Term, ...]
    exclude: tuple[_Term, ...] = ()
    platforms: tuple[_Platform, ...] = ()
    require_at: bool = False
    watch_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchRevision:
    """What a watch listens for from now on."""

    terms: tuple[_Term, ...]
    exclude: tuple[_Term, ...] = ()
    platforms: tuple[_Platform, ...] = ()
    require_at: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonaBody:
    """A name under which a brand answers."""

    brand: _Brand
    name: _Name
    persona_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyBody:
    """How fast a brand promises to answer."""

    brand: _Brand
    day_minutes: _Minutes = 5
    other_minutes: _Minutes = 60
    peak_minutes: _Minutes | None = None
    opens: _Wall = "09:00"
    closes: _Wall = "18:00"
    peak_opens: _Wall = "21:00"
    boundary: Boundary = "start"
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionBody:
    """One post, as its platform shows it."""

    platform: _Platform
    post_id: _PlatformId
    author_id: _PlatformId
    text: Annotated[str, validate.Length(max=10_000)]
    posted_at: datetime
    kind: Kind
    author_name: Annotated[str, validate.Length(max=200)] = ""
    parent_id: _PlatformId | None = None
    root_id: _PlatformId | None = None
    is_at: bool | None = None
    brand: _Brand | None = None
    product_refs: tuple[_Name, ...] = ()
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionRow:
    """One row of an import; ``detected_at`` is when it was posted unless the row says more."""

    platform: _Platform
    post_id: _PlatformId
    author_id: _PlatformId
    text: Annotated[str, validate.Length(max=10_000)]
    posted_at: datetime
    kind: Kind
    author_name: Annotated[str, validate.Length(max=200)] = ""
    parent_id: _PlatformId | None = None
    root_id: _PlatformId | None = None
    is_at: bool | None = None
    brand: _Brand | None = None
    product_refs: tuple[_Name, ...] = ()
    detected_at: datetime | None = None
    line: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionImport:
    """Rows of somebody's own mentions; a bad one is refused alone."""

    rows: Annotated[Sequence[dict[str, Any]], validate.Length(min=1, max=MOST_ROWS)]


@dataclass(frozen=True, kw_only=True, slots=True)
class MentionQuery:
    """Which mentions are wanted."""

    brand: str | None = None
    polarity: str | None = None
    unanswered: bool | None = None
    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=200)] = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class CaseQuery:
    """Which cases are wanted."""

    state: Literal["open", "settled"] = "open"
    brand: str | None = None
    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=200)] = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyBody:
    """An answer under a persona."""

    text: Annotated[str, validate.Length(min=1, max=2500), Readable()]
    persona_id: UUID | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolutionBody:
    """Why no reply is owed."""

    outcome: Outcome
    occurred_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SlaQuery:
    """Which conversations are looked at."""

    brand: str | None = None
