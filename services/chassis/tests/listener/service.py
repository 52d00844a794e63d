"""The consumer's edge: one subscription."""

from sqlalchemy import insert

from bus_service import seen
from chassis.reactions import Received
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork

POISON = 666


class ListenerService(ServiceEdge):
    """Writes down what was said."""

    name = "listener"

    @subscribe("greeter", "greeted")
    def on_greeted(self, work: UnitOfWork, received: Received) -> None:
        """Write down a greeting, unless it is poison."""
        number, stream = received.data.number, received.envelope.stream
        work.db.execute(insert(seen).values(stream=stream, number=number))
        if number == POISON:
            raise ValueError("poison")
