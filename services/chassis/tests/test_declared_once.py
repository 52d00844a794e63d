"""What is declared twice is refused: one of the two would silently not count."""

from dataclasses import dataclass

import pytest

from chassis.service_edge import ServiceEdge
from chassis.upstream import Upstream


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """An event as one topic reads it."""

    phone_id: str


def test_an_event_of_another_service_is_declared_once() -> None:
    """Of two topics that read an event, one would get the other's fields."""
    upstream = Upstream()
    upstream.event("identity", "phone_verified")(Heard)

    with pytest.raises(ValueError, match="identity phone_verified is declared twice"):
        upstream.event("identity", "phone_verified")(Heard)


def test_a_service_has_one_method_of_a_name() -> None:
    """Of two topics that react to an event, one would never hear of it."""

    class Drops:
        def on_phone_verified(self) -> None: ...

    class Stores:
        def on_phone_verified(self) -> None: ...

    with pytest.raises(TypeError, match="Drops and Stores have on_phone_verified"):
        type("Service", (Drops, Stores, ServiceEdge), {})
    assert type("Service", (Drops, ServiceEdge), {}).on_phone_verified is Drops.on_phone_verified
