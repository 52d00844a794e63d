"""Everything the consumer consists of."""

from dataclasses import dataclass

from bus_service import registry
from chassis.blueprint import Blueprint
from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("greeter", "greeted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Greeted:
    """Somebody said hello; what we read of it."""

    number: int


BLUEPRINT = Blueprint(
    name="listener", registry=registry, upstream=upstream, edge="listener.service:ListenerService"
)
