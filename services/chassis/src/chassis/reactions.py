"""Turn registered functions into the handlers that deliveries run."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from chassis.delivery import Batched
from chassis.envelope import Recorded
from chassis.storage import Storage
from chassis.telemetry.handling import handling
from chassis.unit_of_work import UnitOfWork
from chassis.works import Received, Works, context_of

__all__ = ["Received", "Works", "context_of", "in_unit_of_work", "in_works"]

Reaction = Callable[[UnitOfWork, Any], None]


def in_unit_of_work(
    storage: Storage, reader: str, react: Callable[[UnitOfWork, Recorded], None]
) -> Batched:
    """Return a handler that runs ``react`` for each event, in a unit of work of its own.

    Each event is handled in a span of its own that continues the event's trace: the span
    around a batch belongs to no single event.
    """

    def handle(works: Works) -> None:
        for event in works.fresh:
            with handling(reader, event):
                react(works.open(event), event)
                works.flush()

    return in_works(storage, reader, handle)


def in_works(storage: Storage, reader: str, react: Callable[[Works], None]) -> Batched:
    """Return a handler that runs ``react`` once for a whole batch, if any of it is fresh."""

    def handle(db: Connection, events: Sequence[Recorded]) -> None:
        works = Works(storage, reader, db, events)
        if works.fresh:
            react(works)
            works.close()

    return Batched(handle=handle)
