"""Runs in the peers' environment: ``eventsourcing`` saves one event at a time, in threads.

Prints saves per second.  The default PostgreSQL recorder of the library, found by the usual
environment variables; each save is one aggregate with its first event.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate


class Thing(Aggregate):
    """As small as an aggregate can be: it began, with as many bytes as our event has."""

    def __init__(self, text: str) -> None:
        self.text = text


def main() -> None:
    """Save so many things from so many threads."""
    writers, each = int(os.environ["WRITERS"]), int(os.environ["EACH"])
    application = Application[object]()
    application.save(Thing("first"))  # the pool's first connection, and the tables

    def write(_: int) -> None:
        for _ in range(each):
            application.save(Thing('{"n":1}' * 20))

    began = time.monotonic()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    print(writers * each / (time.monotonic() - began))
    application.close()


if __name__ == "__main__":
    main()
