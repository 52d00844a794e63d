"""Everything the consumer consists of."""

from dataclasses import dataclass

from bus_service import registry
from chassis.blueprint import Blueprint
from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("greeter", "waved")
@upstream.event("greeter", "greeted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Greeted:
    """Somebody said hello or waved; what we read of it."""

    number: int


@upstream.event("greeter", "parted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Parted:
    """Somebody left; what we read of it."""

    number: int


BLUEPRINT = Blueprint(
    name="listener", registry=registry, upstream=upstream, edge="listener.service:ListenerService"
)
