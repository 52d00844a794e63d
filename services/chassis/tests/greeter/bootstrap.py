"""Everything the producer consists of."""

from bus_service import registry
from chassis.blueprint import Blueprint
from chassis.upstream import Upstream

BLUEPRINT = Blueprint(
    name="greeter", registry=registry, upstream=Upstream(), edge="greeter.service:GreeterService"
)
