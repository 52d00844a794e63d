"""The peer of ``bench.consuming``: nameko's own event handler, one row and one commit for each.

``python -m bench.nameko_peer AMQP_URI DATABASE_URL`` handles events until it is told to stop.
"""

import eventlet

eventlet.monkey_patch()  # psycopg2 too

import signal  # noqa: E402  # eventlet must patch first, here and below
import sys  # noqa: E402
from typing import Any  # noqa: E402

from nameko.containers import ServiceContainer  # noqa: E402
from nameko.events import EventHandler  # noqa: E402
from sqlalchemy import create_engine, insert  # noqa: E402

from bench.subscriber.bootstrap import things  # noqa: E402

engine = create_engine(sys.argv[2], pool_size=10)


class QuorumEventHandler(EventHandler):
    """nameko's, on the kind of queue that survives a broker."""

    def setup(self) -> None:
        """Declare the queue with its type."""
        super().setup()
        self.queue.queue_arguments = {"x-queue-type": "quorum"}


class PeerService:
    """Keeps a row of each event."""

    name = "peer_subscriber"

    @QuorumEventHandler.decorator("peer", "thing_happened")
    def on_thing_happened(self, payload: dict[str, Any]) -> None:
        """Keep a row."""
        with engine.begin() as db:
            db.execute(insert(things).values(n=payload["n"], name=payload["name"]))


def main() -> None:
    """Run until SIGTERM."""
    container = ServiceContainer(PeerService, {"AMQP_URI": sys.argv[1]})
    container.start()
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    while not asked:
        eventlet.sleep(0.1)
    container.kill()


if __name__ == "__main__":
    main()
