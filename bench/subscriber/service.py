"""One subscription that takes batches, and one that takes event by event."""

from collections.abc import Sequence

from sqlalchemy import insert

from bench.subscriber.bootstrap import things
from chassis.reactions import Received, Works
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork


class SubscriberService(ServiceEdge):
    """Keeps a row of each event."""

    name = "subscriber"

    @subscribe("producer", "thing_happened", batch=True)
    def on_things_happened(self, works: Works, received: Sequence[Received]) -> None:
        """Keep a row of each."""
        rows = [{"n": one.data.n, "name": one.data.name} for one in received]
        works.db.execute(insert(things), rows)

    @subscribe("producer", "thing_noted")
    def on_thing_noted(self, work: UnitOfWork, received: Received) -> None:
        """Keep a row."""
        data = received.data
        work.db.execute(insert(things).values(n=data.n, name=data.name))
