"""Units of work for the events of one batch: one after the other, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from chassis import log_commands
from chassis.context import Context, digest_of
from chassis.envelope import Recorded
from chassis.ids import derived_id
from chassis.storage import Storage
from chassis.telemetry import current_traceparent, metrics
from chassis.telemetry.handling import handling
from chassis.unit_of_work import UnitOfWork


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """Another service's event: the fields we declared, and its envelope."""

    data: Any
    envelope: Recorded


class Works:
    """What the handler of a batch works with.

    Rows of many events go through ``db`` in one statement.  What it records belongs to the
    event that it is recorded because of: ``of(received)`` gives that event's unit of work.

    Args:
        db: The batch's transaction; its owner commits.
        events: The batch, in order.

    ``fresh`` are the events that this reader has not handled before.
    """

    def __init__(
        self, storage: Storage, reader: str, db: Connection, events: Sequence[Recorded]
    ) -> None:
        self.db = db
        self._storage = storage
        self._reader = reader
        self._contexts = {event.id: context_of(event, reader, storage.secret) for event in events}
        done = log_commands.known(db, list(self._contexts.values()))
        self.fresh = [e for e in events if self._contexts[e.id].command_id not in done]
        self._open: tuple[UUID, UnitOfWork] | None = None
        self._idle = {event.id: self._contexts[event.id] for event in self.fresh}
        self._closed: set[UUID] = set()

    def of(self, received: Received) -> UnitOfWork:
        """Return the unit of work of one event; what the one before recorded is written first.

        Raises:
            ValueError: that event's turn is over: the next one's unit of work was asked for.
            Conflict: a stream of the unit of work before has moved on.
        """
        event = received.envelope
        if self._open is not None and self._open[0] == event.id:
            return self._open[1]
        with handling(self._reader, event):
            return self.open(event)

    def open(self, event: Recorded) -> UnitOfWork:
        """Begin the unit of work of one event, in the span that runs now."""
        self.flush()
        if event.id in self._closed:
            raise ValueError(f"the unit of work of position {event.position} is closed")
        traceparent = current_traceparent() or event.traceparent
        context = replace(self._contexts[event.id], traceparent=traceparent)
        work = self._storage.work_on(self.db, context, fresh=True)
        self._open = event.id, work
        return work

    def flush(self) -> None:
        """Write what the open unit of work has recorded; raises Conflict."""
        if self._open is None:
            return
        (event_id, work), self._open = self._open, None
        self._closed.add(event_id)
        if work.has_news:
            del self._idle[event_id]
            metrics.record(metrics.APPENDED, work.flush())

    def close(self) -> None:
        """Write what is open, and note the events that led to nothing; raises Conflict."""
        self.flush()
        log_commands.remember(self.db, list(self._idle.values()))


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
