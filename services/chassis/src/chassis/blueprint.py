"""Everything one service consists of, said once in its ``bootstrap``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from chassis.envelope import Recorded
from chassis.erasure import Forget, keeps_nothing
from chassis.events import EventRegistry
from chassis.processes import Process
from chassis.projections import Projection
from chassis.storage import Storage
from chassis.upstream import Upstream

Calls = Mapping[str, Callable[[Recorded], None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """One service, put together.

    Args:
        name: The service's name: its exchange, queues and package.
        edge: ``package.module:Class`` of the nameko service; a string, so that processes
            without eventlet never import it.  A service without nameko names a function
            that returns its routes.
        inline: Projections that commit with the events.
        projections: Projections that follow the log.
        gateways: Calls to the outside, by the name of the gateway.
        counts: Record business metrics from the read models, twice a minute; each is given the
            service's time.
        forget: Removes the rows about people who are to be forgotten.
        reads: Services whose whole logs it takes in, without declaring events in ``upstream``.
    """

    name: str
    registry: EventRegistry
    upstream: Upstream
    edge: str
    inline: Sequence[Projection] = ()
    projections: Sequence[Projection] = ()
    processes: Sequence[Process[Any]] = ()
    gateways: Mapping[str, Callable[[Storage], Calls]] = field(default_factory=dict)
    counts: Sequence[Callable[[Connection, datetime], None]] = ()
    forget: Forget = keeps_nothing
    reads: Sequence[str] = ()

    @property
    def sources(self) -> list[str]:
        """Whose events it subscribes to."""
        return sorted({*self.reads, *(consumed.source for consumed in self.upstream)})

    @property
    def readers(self) -> list[str]:
        """Who reads the own log, the publisher aside."""
        folding = (projection.name for projection in self.projections)
        managing = (process.name for process in self.processes)
        return [*folding, *managing, *self.gateways]
