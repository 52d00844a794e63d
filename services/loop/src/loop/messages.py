"""The loop's HTTP contract: what is asked, what is answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from marshmallow import validate

VECTOR = r"^([a-z]+=[0-9]{1,15}(,[a-z]+=[0-9]{1,15})*)?$"


@dataclass(frozen=True, kw_only=True, slots=True)
class WhichStages:
    """Which numbers are wanted: a week's or all time's, now or at an earlier vector."""

    cycle: str = "total"
    at: Annotated[str, validate.Regexp(VECTOR)] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WhichHash:
    """At which position vector: ``identity=5,listening=9``; the live one unless given."""

    at: Annotated[str, validate.Regexp(VECTOR)] = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class WhichEvents:
    """Which of the events behind a number: a cycle's, page by page."""

    cycle: str = "total"
    cursor: str | None = None
    limit: Annotated[int, validate.Range(min=1, max=1000)] = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Stages:
    """One cycle's numbers, the hash over them, and how far each log was read."""

    cycle: str
    cycles: Sequence[str]
    hash: str
    positions: dict[str, int]
    stages: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Hash:
    """The hash over all cycles at a position vector; ``unread`` events are missing in it."""

    hash: str
    positions: dict[str, int]
    cycles: dict[str, str]
    unread: int


@dataclass(frozen=True, kw_only=True, slots=True)
class EventView:
    """One event behind a number."""

    service: str
    position: int
    type: str
    stream: str
    occurred_at: str
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Events:
    """A page of the events behind a number."""

    events: Sequence[EventView]
    next: str | None
