"""Everything the producer consists of."""

from bus_service import registry
from chassis.blueprint import Blueprint
from chassis.upstream import Upstream
from greeter.farewell import FAREWELL, counting, postcards

BLUEPRINT = Blueprint(
    name="greeter",
    registry=registry,
    upstream=Upstream(),
    edge="greeter.service:GreeterService",
    projections=[counting],
    processes=[FAREWELL],
    gateways={"postcards": postcards},
)
