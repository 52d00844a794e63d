"""Reading and writing events without their schema gives what the schema gives."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import validate

from chassis import schemas
from chassis.errors import Invalid
from chassis.stored_values import reader_of_others, writer


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A part of what happened."""

    sku: str
    qty: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Happened:
    """An event with a field of every kind that is read quickly."""

    id: UUID
    name: str
    count: int
    certain: bool
    mood: Literal["good", "bad"]
    lines: tuple[Line, ...]
    first: Line | None
    note: str | None = None


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
LINES = st.fixed_dictionaries({"sku": SCALARS, "qty": SCALARS}, optional={"more": SCALARS})
NEARLY = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str) | SCALARS,
        "name": st.text(max_size=5) | SCALARS,
        "count": st.integers() | SCALARS,
        "certain": st.booleans() | SCALARS,
        "mood": st.sampled_from(["good", "bad"]) | SCALARS,
        "lines": st.lists(LINES, max_size=2) | SCALARS,
        "first": st.none() | LINES,
    },
    optional={"note": SCALARS, "added": SCALARS},
)


def told(read: Callable[[], Any]) -> object:
    """Return what was read, or what is said to be wrong with it."""
    try:
        return read()
    except Invalid as refusal:
        return refusal.problems


def by_schema(cls: type[Any], content: object) -> object:
    return told(lambda: schemas.load(cls, json.loads(json.dumps(content)), tolerant=True))


def by_types(cls: type[Any], content: object) -> object:
    return told(lambda: reader_of_others(cls)(json.dumps(content).encode()))


@given(content=NEARLY)
def test_whatever_is_read_by_types_the_schema_reads_alike(content: Mapping[str, Any]) -> None:
    """A consumer would take for a fact what its own declaration refuses."""
    assert by_types(Happened, content) == by_schema(Happened, content)


def test_a_wrong_field_is_named_as_its_schema_names_it() -> None:
    """The report of a wrong field would no longer say which field."""
    read = reader_of_others(Line)
    assert read(b'{"sku": "a", "qty": 1, "added": []}') == Line(sku="a", qty=1)
    with pytest.raises(Invalid) as refused:
        read(b'{"sku": "a", "qty": "1"}')
    assert refused.value.problems == {"qty": ["Not a valid integer."]}
    with pytest.raises(json.JSONDecodeError):
        read(b'{"sku": "a"')


def test_what_types_say_is_read_without_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows four services would need ten times as long for every event."""
    monkeypatch.delattr(schemas, "load")

    assert by_types(Line, {"sku": "a", "qty": 1}) == Line(sku="a", qty=1)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (datetime, "2026-01-01T00:00:00Z"),
        (Decimal, "1.5"),
        (float, 1.5),
        (dict[str, Any], {}),
        (list[str], ["a"]),
        (Annotated[str, validate.Length(max=3)], "abc"),
    ],
)
def test_a_field_that_its_schema_checks_further_is_left_to_it(
    kind: Any, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that the declaration names would not hold for other services' events."""

    @dataclass(frozen=True)
    class Checked:
        field: kind

    monkeypatch.setattr(schemas, "load", lambda *_, **__: "asked")

    assert by_types(Checked, {"field": value}) == "asked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """An event with a field of every kind that is written quickly."""

    id: UUID
    at: datetime
    note: Annotated[str | None, validate.Length(max=3)]
    count: int
    certain: bool
    mood: Literal["good", "bad"]
    lines: tuple[Line, ...]
    first: Line | None = None


BOOKED = Booked(
    id=UUID(int=7),
    at=datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))),
    note=None,
    count=3,
    certain=True,
    mood="good",
    lines=(Line(sku="a", qty=1), Line(sku="b", qty=2)),
)


def test_what_is_written_by_types_the_schema_writes_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same fact would have other bytes, and another place in no chain that is checked."""
    expected = json.dumps(schemas.dump(BOOKED))
    write = writer(Booked)
    monkeypatch.delattr(schemas, "dump")

    assert json.dumps(write(BOOKED)) == expected


class Shouted(StrEnum):
    """Texts that are more than texts."""

    LOUD = "loud"


@pytest.mark.parametrize(
    "change",
    [
        {"note": Shouted.LOUD},
        {"count": True},
        {"first": Line(sku="a", qty=True)},
        {"lines": (Line(sku="a", qty=1), None)},
        {"id": None},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_left_to_the_schema(change: Mapping[str, Any]) -> None:
    """A number that is really a truth would be stored as what its reader refuses."""
    odd = replace(BOOKED, **change)

    assert json.dumps(writer(Booked)(odd)) == json.dumps(schemas.dump(odd))


def test_a_moment_that_no_log_can_hold_is_refused_as_ever() -> None:
    """It would be stored and never be read back."""
    with pytest.raises(Invalid) as refused:
        writer(Booked)(replace(BOOKED, at=datetime.min.replace(tzinfo=UTC)))
    assert list(refused.value.problems) == ["at"]


@pytest.mark.parametrize("kind", [Decimal, float, dict[str, Any], Shouted, Decimal | None])
def test_a_class_of_which_types_say_too_little_is_left_to_its_schema(
    kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its JSON would be another than the schema's."""

    @dataclass(frozen=True)
    class Unsure:
        field: kind

    monkeypatch.setattr(schemas, "dump", lambda _: "asked")

    assert writer(Unsure)(Unsure(field=None)) == "asked"
