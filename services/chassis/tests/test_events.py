"""The registry knows every event by the name on the wire, and every version it ever had."""

import json
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest

from chassis.envelope import Envelope
from chassis.errors import Invalid
from chassis.events import EventRegistry, UnknownEvent
from chassis.ids import lane_of
from chassis.privacy import MemoryKeys, Personal
from chassis.testing.contexts import NOW

_ID = UUID(int=7)


def stored(name: str, version: int, data: dict[str, Any] | bytes) -> Envelope:
    return Envelope(
        id=_ID,
        tenant="acme",
        stream="person-1",
        version=1,
        type=name,
        schema_version=version,
        lane=lane_of("acme", "person-1"),
        occurred_at=NOW,
        recorded_at=NOW,
        actor="user:test",
        command_id=_ID,
        correlation_id=_ID,
        causation_id=_ID,
        traceparent=None,
        subjects=(),
        data=data if isinstance(data, bytes) else json.dumps(data).encode(),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """Somebody told a name."""

    person_id: str
    name: Annotated[str | None, Personal("person_id")]
    language: str


def registry_with_three_versions() -> EventRegistry:
    registry = EventRegistry("demo")
    registry.event("named", version=3)(Named)

    @registry.upcaster("named", from_version=1)
    def _(data: dict[str, Any]) -> dict[str, Any]:
        return {"person_id": data["who"], "name": None}

    @registry.upcaster("named", from_version=2)
    def _(data: dict[str, Any]) -> dict[str, Any]:
        return {**data, "language": "en"}

    return registry


def test_an_event_comes_back_as_it_was() -> None:
    """What was recorded is what is read."""
    registry, keys = registry_with_three_versions(), MemoryKeys()
    event = Named(person_id="p1", name="Ada", language="zh-Hant-TW")

    data, subjects = registry.encode(event, "acme", keys)

    assert subjects == ("p1",)
    assert registry.decode(stored("named", 3, data), keys) == event


def test_an_old_event_is_lifted_step_by_step() -> None:
    """A log of many years is read by today's code."""
    registry = registry_with_three_versions()

    first = registry.decode(stored("named", 1, {"who": "p1"}), MemoryKeys())
    second = registry.decode(stored("named", 2, {"person_id": "p1", "name": None}), MemoryKeys())

    assert first == second == Named(person_id="p1", name=None, language="en")


@pytest.mark.parametrize(("name", "version"), [("named", 4), ("renamed", 1)])
def test_what_this_build_does_not_know_is_said(name: str, version: int) -> None:
    """An event of a newer build is parked instead of being read wrongly."""
    with pytest.raises(UnknownEvent):
        registry_with_three_versions().decode(stored(name, version, {}), MemoryKeys())


def test_a_gap_between_versions_is_said() -> None:
    """A forgotten upcaster is found at the first old event, by name."""
    registry = EventRegistry("demo")
    registry.event("named", version=2)(Named)

    with pytest.raises(UnknownEvent, match="no upcaster from version 1"):
        registry.decode(stored("named", 1, {"who": "p1"}), MemoryKeys())


def test_data_that_does_not_fit_is_refused() -> None:
    """A field of another type is not carried on as if it were right."""
    with pytest.raises(Invalid):
        registry_with_three_versions().decode(stored("named", 3, {"person_id": 1}), MemoryKeys())


def test_two_events_cannot_share_a_name() -> None:
    """A copied declaration is found at start-up, not in the log."""
    registry = EventRegistry("demo")
    registry.event("named")(Named)

    with pytest.raises(ValueError, match="declared twice"):
        registry.event("named")(dataclass(type("Other", (), {})))


def test_one_class_cannot_have_two_names() -> None:
    """Which name an event gets never depends on the order of declarations."""
    registry = EventRegistry("demo")
    registry.event("named")(Named)

    with pytest.raises(ValueError, match="declared twice"):
        registry.event("called")(Named)


def test_a_personal_field_must_allow_none() -> None:
    """After an erasure every old event can still be read."""

    @dataclass(frozen=True, kw_only=True)
    class Kept:
        person_id: str
        name: Annotated[str, Personal("person_id")]

    with pytest.raises(ValueError, match="must allow None"):
        EventRegistry("demo").event("kept")(Kept)


def test_a_personal_field_must_name_whose_it_is() -> None:
    """No field is sealed with the key of nobody."""

    @dataclass(frozen=True, kw_only=True)
    class Orphaned:
        name: Annotated[str | None, Personal("person_id")]

    with pytest.raises(ValueError, match="unknown field 'person_id'"):
        EventRegistry("demo").event("orphaned")(Orphaned)


def test_after_an_erasure_the_event_remains_without_the_person() -> None:
    """The numbers stay, the name is gone."""
    registry, keys = registry_with_three_versions(), MemoryKeys()
    event = Named(person_id="p1", name="Ada", language="en")
    data, _ = registry.encode(event, "acme", keys)

    keys.destroy("acme", "p1")

    assert registry.decode(stored("named", 3, data), keys) == Named(
        person_id="p1", name=None, language="en"
    )
