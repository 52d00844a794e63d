"""Turn registered functions into the handlers that deliveries run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from chassis.context import Context, digest_of
from chassis.delivery import Handler
from chassis.envelope import Recorded
from chassis.ids import derived_id
from chassis.projections import Projection
from chassis.storage import Storage
from chassis.telemetry import current_traceparent, metrics
from chassis.telemetry.handling import handling
from chassis.unit_of_work import UnitOfWork

Reaction = Callable[[UnitOfWork, Any], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """Another service's event: the fields we declared, and its envelope."""

    data: Any
    envelope: Recorded


def context_of(event: Recorded, reader: str, secret: bytes) -> Context:
    """Return the context of what a reader does because of an event.

    A reaction occurs at the moment of its cause: a delay in processing, or a clock that is
    ahead, changes when it is recorded but not what happened.
    """
    command_id = derived_id(event.tenant, event.id, reader)
    return Context(
        tenant=event.tenant,
        actor=f"reader:{reader}",
        command_id=command_id,
        digest=digest_of(secret, str(command_id).encode()),
        correlation_id=event.correlation_id,
        causation_id=event.id,
        traceparent=current_traceparent() or event.traceparent,
        now=event.occurred_at,
    )


def in_unit_of_work(
    storage: Storage, reader: str, react: Callable[[UnitOfWork, Recorded], None]
) -> Handler:
    """Return a handler that runs ``react`` in a unit of work of the open transaction.

    Each event is handled in a span of its own that continues the event's trace: the span
    around a batch belongs to no single event.
    """

    def handle(db: Connection, event: Recorded) -> None:
        with handling(reader, event):
            work = storage.work_on(db, context_of(event, reader, storage.secret))
            if not work.already_done:
                react(work, event)
                written = work.flush()
                metrics.record(metrics.APPENDED, written)

    return handle


def projecting(storage: Storage, projection: Projection) -> Mapping[str, Handler]:
    """Return the handlers that fold the own log into a read model."""

    def handle(db: Connection, event: Recorded) -> None:
        projection.apply(storage.registry.decode(event, storage.keys), event, db)

    return {kind.name: handle for kind in storage.registry if projection.handles(kind.cls)}
