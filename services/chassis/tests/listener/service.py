"""The consumer's edge: one subscription for each way of taking events."""

import os
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, insert, text

from bus_service import seen
from chassis.entrypoints import query
from chassis.reactions import Received, Works
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import UnitOfWork

POISON = 666
SLOW = 555
EVERY = 7
# While this file is there, a slow greeting is still being thought about.
HOLD = Path(os.environ.get("HOLD_FILE", "/nowhere"))


def broken(number: int) -> bool:
    """Say whether a number cannot be handled as long as the file that ``BROKEN`` names is there."""
    file = os.environ.get("BROKEN")
    return bool(file) and number % EVERY == 0 and Path(str(file)).exists()


class ListenerService(ServiceEdge):
    """Writes down what was said."""

    name = "listener"

    @subscribe("greeter", "greeted")
    def on_greeted(self, work: UnitOfWork, received: Received) -> None:
        """Write down a greeting, unless it is poison."""
        number, stream = received.data.number, received.envelope.stream
        work.db.execute(insert(seen).values(stream=stream, number=number))
        while number == SLOW and HOLD.exists():
            time.sleep(0.05)
        if number == POISON or broken(number):
            raise ValueError("poison")

    @subscribe("greeter", "waved", batch=True)
    def on_waves(self, works: Works, received: Sequence[Received]) -> None:
        """Write down all waves at once, unless one is poison."""
        rows = [
            {"stream": one.envelope.stream, "number": one.data.number, "size": len(received)}
            for one in received
        ]
        works.db.execute(insert(seen), rows)
        for one in received:
            if one.data.number == POISON:
                raise ValueError("poison")

    @query("/v1/held/<int:millis>", scope="greet")
    def hold_a_connection(self, db: Connection, call: Call[None]) -> Reply:
        """Keep a database connection for some time."""
        db.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": call.path["millis"] / 1000})
        return Reply(body={"held": call.path["millis"]})

    @subscribe("greeter", "parted")
    def on_parted(self, work: UnitOfWork, received: Received) -> None:
        """Write down a farewell."""
        number, stream = received.data.number, received.envelope.stream
        work.db.execute(insert(seen).values(stream=stream, number=number))
