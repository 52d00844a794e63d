"""Stored events are read and written by their types alone, and mean what their schemas say."""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, validate
from repository import services

from chassis import schemas, stored_values
from chassis.envelope import Envelope
from chassis.errors import Invalid
from chassis.events import EventKind
from chassis.privacy import MemoryKeys
from chassis.roles import blueprint_of
from chassis.testing.contexts import NOW

FEW = settings(
    max_examples=8,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=3))])
_SIMPLE: Mapping[Any, st.SearchStrategy[Any]] = {
    types.NoneType: st.none(),
    str: _TEXT,
    int: st.integers(-(2**40), 2**40),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Decimal: st.decimals(-1000, 1000, places=4),
    UUID: st.uuids(),
    datetime: st.datetimes(datetime(2001, 1, 1), datetime(2090, 1, 1), timezones=_ZONES),  # noqa: DTZ001  # hypothesis adds the zone
    date: st.dates(),
    dict: st.dictionaries(_TEXT, st.integers()),
    Any: st.one_of(st.none(), st.integers(), _TEXT),
}


_STORED = Envelope(
    id=UUID(int=1), tenant="acme", stream="thing-1", version=1, type="", schema_version=1,
    lane=0, occurred_at=NOW, recorded_at=NOW, actor="user:test", command_id=UUID(int=1),
    correlation_id=UUID(int=1), causation_id=UUID(int=1), traceparent=None, subjects=(), data=b"",
)  # fmt: skip


def kinds() -> Iterator[tuple[str, EventKind]]:
    for name in services():
        for kind in blueprint_of(name).registry:
            yield name, kind


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Return values of an annotation."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return next(filter(None, map(_marked, args[1:])), None) or values(args[0])
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(arg) for arg in args])
    return _many(origin, args) if origin else _one(hint)


def _marked(mark: Any) -> st.SearchStrategy[Any] | None:
    """Return values that a validator lets through, where chance would find none."""
    if isinstance(mark, validate.Regexp):
        return st.from_regex(mark.regex, fullmatch=True)
    return st.sampled_from(list(mark.choices)) if isinstance(mark, validate.OneOf) else None


def _many(origin: Any, args: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (dict, Mapping):
        return st.dictionaries(values(args[0]), values(args[1]), max_size=3)
    listed = st.lists(values(args[0]), max_size=3)
    return listed.map(tuple) if origin is tuple else listed


def _one(hint: Any) -> st.SearchStrategy[Any]:
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return st.sampled_from(list(hint))
    return objects(hint) if dataclasses.is_dataclass(hint) else _SIMPLE[hint]


def objects(cls: Any) -> st.SearchStrategy[Any]:
    """Return objects of a dataclass."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return st.builds(cls, **{name: values(hint) for name, hint in hints.items()})


@pytest.mark.parametrize(
    ("service", "kind"),
    [pytest.param(name, kind, id=f"{name}-{kind.name}") for name, kind in kinds()],
)
def test_both_ways_of_reading_give_the_same_event(service: str, kind: EventKind) -> None:
    """A rebuilt read model, or a decision, would rest on another event than was recorded."""
    registry, keys = blueprint_of(service).registry, MemoryKeys()

    @FEW
    @given(objects(kind.cls))
    def agree(event: Any) -> None:
        by_schema = _accepted(kind.cls, event)
        written, subjects = registry.encode(by_schema, "acme", keys)
        stored = replace(_STORED, type=kind.name, data=written, subjects=subjects)
        stored = replace(stored, schema_version=kind.version)
        plain = msgspec.json.encode(schemas.dump(event))
        values = msgspec.json.decode(plain)
        read = registry.decode(stored, keys)
        # Printed too: a moment in another zone is equal, and has another day.
        assert (read, repr(read)) == (by_schema, repr(by_schema))
        assert repr(kind.read(plain)) == repr(by_schema)
        assert repr(stored_values.convert(kind.cls, values)) == repr(by_schema)
        # As text: what is stored is bytes, in their order.
        assert json.dumps(kind.write(by_schema)) == json.dumps(schemas.dump(by_schema))

    agree()


def _accepted(cls: type[Any], event: Any) -> Any:
    """Return an event as its schema has it; what a schema refuses was never recorded."""
    try:
        return schemas.load(cls, schemas.dump(event))
    except (Invalid, ValidationError):
        reject()
