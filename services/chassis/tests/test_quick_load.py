"""Reading events without their schema gives what the schema gives."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import validate

from chassis import schemas
from chassis.errors import Invalid
from chassis.quick_load import quick_load


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


@given(content=NEARLY)
def test_whatever_is_read_quickly_the_schema_reads_alike(content: Mapping[str, Any]) -> None:
    """A consumer would take for a fact what its own declaration refuses."""
    load = quick_load(Happened)
    assert load is not None
    quick = load(json.dumps(content).encode())
    if quick is not None:
        assert schemas.load(Happened, json.loads(json.dumps(content)), tolerant=True) == quick


def test_what_cannot_be_read_quickly_is_left_to_the_schema() -> None:
    """The report of a wrong field would no longer say which field."""
    load = quick_load(Line)
    assert load is not None
    assert load(b'{"sku": "a", "qty": 1, "added": []}') == Line(sku="a", qty=1)
    assert load(b'{"sku": "a", "qty": "1"}') is None
    assert load(b'{"sku": "a"') is None
    with pytest.raises(Invalid):
        schemas.load(Line, {"sku": "a", "qty": "1"}, tolerant=True)


@pytest.mark.parametrize(
    "kind",
    [
        datetime, Decimal, float, dict[str, Any], list[str],
        Annotated[str, validate.Length(max=3)],
    ],
)  # fmt: skip
def test_a_field_that_its_schema_checks_further_is_never_read_quickly(kind: Any) -> None:
    """A limit that the declaration names would not hold for other services' events."""

    @dataclass(frozen=True)
    class Checked:
        field: kind

    assert quick_load(Checked) is None
