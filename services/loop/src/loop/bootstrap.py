"""The loop, put together: its own log is all that the chassis needs to know of."""

from chassis.audit import TRAIL
from chassis.blueprint import Blueprint
from chassis.upstream import Upstream
from loop.events import registry
from loop.projections import closed_cycles
from loop.upstream import SOURCES

BLUEPRINT = Blueprint(
    name="loop",
    registry=registry,
    upstream=Upstream(),
    edge="loop.edge:contract",
    inline=[closed_cycles, TRAIL],
    reads=SOURCES,
)
