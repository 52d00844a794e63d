"""Hand pages of the own log to a read model: a page is one SELECT and few writes for each table."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from chassis import checkpoints
from chassis.delivery import Batched, Delivery
from chassis.envelope import Recorded
from chassis.parked import LADDER
from chassis.projections import Place, Projection
from chassis.storage import Storage

PAGE = 2_000


def page_delivery(
    storage: Storage,
    projection: Projection,
    *,
    name: str | None = None,
    ladder: Sequence[float] = LADDER,
    place: Place | None = None,
    delivery: Callable[..., Delivery] = Delivery,
) -> Delivery:
    """Return what folds pages of events into one read model.

    Args:
        storage: Where the log and the rows are.
        projection: Which read model.
        name: Of the reader, when not the projection's: its checkpoint and parked events.
        ladder: Seconds until a parked event is tried again, try by try.
        place: Where each table's rows are kept, when not in the table itself.
        delivery: Makes it; a test may look over its shoulder.
    """

    def fold(db: Connection, events: Sequence[Recorded]) -> None:
        facts = [(seen(event), event) for event in events]
        projection.apply_all(facts, db, place)

    def seen(event: Recorded) -> Any:
        return storage.registry.decode(event, storage.keys) if projection.decodes else None

    folding = Batched(handle=fold)
    kinds = (kind.name for kind in storage.registry if projection.handles(kind.cls))
    handlers = dict.fromkeys(kinds, folding)
    reader = name or projection.name

    def hold(db: Connection) -> None:
        # A swap takes the tables, then what is parked; a retry, without this, the other way round.
        checkpoints.hold(db, reader)

    return delivery(reader, storage.system, handlers, ladder=ladder, hold=hold)
