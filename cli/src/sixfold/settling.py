"""Wait until nothing is under way: every log published, read by all its readers, no timer due."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import chassis.progress
from sixfold.client import Clients, at_once
from sixfold.parts import LOOP, SERVICES, WORLD

DEADLINE_SECONDS = 120.0
PAUSE_SECONDS = 0.15
EVERYBODY = (*SERVICES, LOOP, WORLD)
Progress = Mapping[str, Mapping[str, Any]]


class Unsettled(Exception):
    """The services did not come to rest in time; the message says who is behind."""


def wait_until_settled(
    clients: Clients,
    now: datetime | None = None,
    *,
    services: Sequence[str] = EVERYBODY,
    deadline: float = DEADLINE_SECONDS,
) -> Progress:
    """Wait until services have come to rest.

    Two equal looks in a row are needed: what a reader does may give another one work.

    Args:
        clients: All services, as an operator.
        now: The moment until which timers must have fired, on a simulated clock.
        services: Whose rest is waited for; what some of them read of others does not count.
        deadline: How long to wait, in seconds.

    Returns:
        Each service's progress.

    Raises:
        Unsettled: they did not within the deadline.
    """
    end, before = time.monotonic() + deadline, None
    while True:
        progress = look(clients, services)
        behind = list(unsettled(progress, now))
        if not behind and progress == before:
            return progress
        if time.monotonic() > end:
            raise Unsettled("; ".join(behind) or "the logs keep growing")
        before = progress if not behind else None
        time.sleep(PAUSE_SECONDS)


def look(clients: Clients, services: Sequence[str] = EVERYBODY) -> Progress:
    """Return services' progress now; the world's is what the payment provider has still to say."""
    paths = ["/healthz" if name == WORLD else "/internal/v1/progress" for name in services]
    asked = zip(services, paths, strict=True)
    answers = at_once(lambda its: clients[its[0]].get(its[1]), asked)
    return dict(zip(services, answers, strict=True))


def unsettled(progress: Progress, now: datetime | None = None) -> Iterator[str]:
    """Yield what is still under way, in words."""
    untold = progress.get(WORLD, {}).get("untold")
    if untold:
        yield f"the payment provider has {untold} things to say"
    services = {name: its for name, its in progress.items() if name != WORLD}
    yield from chassis.progress.unsettled(services, now)


def vector(progress: Progress) -> str:
    """Return how far the four logs have come, as the loop is asked for: ``identity=5,...``."""
    return ",".join(f"{name}={progress[name]['position']}" for name in SERVICES)


def parked(progress: Progress) -> int:
    """Return how many events wait for another try or for a person."""
    return sum(its.get("parked", 0) for its in progress.values())
