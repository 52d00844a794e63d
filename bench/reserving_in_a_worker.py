"""Reservations by greenlets, as nameko serves requests.

``python -m bench.reserving_in_a_worker URL`` prints how many a second they get.  Eventlet patches
the standard library first, as it does in a worker.
"""

import eventlet

eventlet.monkey_patch()

import sys  # noqa: E402  # eventlet must patch first, here and below
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402

from bench.reserving import WRITERS, reserves  # noqa: E402
from chassis.database import Database  # noqa: E402


def rate(write: Callable[[int], None], writers: int, each: int) -> float:
    """Return how often a second ``writers`` greenlets do what ``write`` does ``each`` times."""
    began = time.monotonic()
    for buyer in [eventlet.spawn(write, number) for number in range(writers)]:
        buyer.wait()
    return writers * each / (time.monotonic() - began)


if __name__ == "__main__":
    print(reserves(Database(sys.argv[1], pool_size=WRITERS), rate))
