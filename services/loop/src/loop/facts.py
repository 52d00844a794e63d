"""Turn one event into its typed facts: pure, without memory of any other event."""

from dataclasses import dataclass, fields
from importlib import import_module

from chassis.clock import micros
from chassis.envelope import Recorded
from chassis.errors import Invalid
from loop.fact_tables import TABLES, Fact
from loop.reading import READERS, Frame
from loop.upstream import SOURCES, upstream

_LARGEST = 1 << 63
_consumed = {(event.source, event.name): event.cls for event in upstream}
for _source in SOURCES:
    import_module(f"loop.{_source}_facts")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A fact under its key."""

    service: str
    position: int
    n: int
    fact: Fact


def facts_of(source: str, stored: Recorded) -> list[Row]:
    """Return the facts in an event; none for an event that the loop does not read.

    Raises:
        UnknownEvent: an event that the loop reads, in a version that it does not know.
        Invalid: a field that the loop reads is missing or has another type.
    """
    cls = _consumed.get((source, stored.type))
    if cls is None:
        return []
    event = upstream.load(source, stored)
    frame = Frame(tenant=stored.tenant, at=micros(stored.occurred_at), type=stored.type)
    return [
        Row(service=source, position=stored.position, n=n, fact=_storable(fact))
        for n, fact in enumerate(READERS[cls](event, frame))
    ]


def _storable(fact: Fact) -> Fact:
    """Refuse what no column can hold: it would stop the whole reader, not one event."""
    for field in fields(fact):
        value = getattr(fact, field.name)
        if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
            raise Invalid({field.name: [f"{TABLES[type(fact)]} needs a 64-bit integer"]})
        if isinstance(value, str) and not value.isascii() and _lone_surrogate(value):
            raise Invalid({field.name: ["not a text that UTF-8 can hold"]})
    return fact


def _lone_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
