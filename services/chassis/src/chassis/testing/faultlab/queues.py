"""A subscription's queues seen from outside: what is in them, and how to disturb them."""

from typing import Any

from chassis.testing.faultlab.witness import connected
from chassis.topology import ordered_queues

MOST = 5000


def waiting(uri: str, consumer: str, source: str) -> set[int]:
    """Return the positions of the events in a subscription's queues; they stay there."""
    with connected(uri) as broker:  # closing the connection puts everything back
        taken = hold_back(broker.channel(), consumer, source, MOST)
        return {message.headers["position"] for _, message in taken}


def hold_back(channel: Any, consumer: str, source: str, most: int) -> list[tuple[str, Any]]:
    """Take messages out of a subscription's queues; return each with its queue's name."""
    found: list[tuple[str, Any]] = []
    for queue in ordered_queues(consumer, source):
        while len(found) < most and (message := channel.basic_get(queue.name)) is not None:
            found.append((queue.name, message))
    return found
