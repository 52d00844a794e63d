"""Telemetry that a test can look at."""

from collections.abc import Iterator
from contextlib import contextmanager

from chassis.telemetry.setup import InMemory, in_memory


@contextmanager
def recorded_telemetry(*, strict: bool = True) -> Iterator[InMemory]:
    """Collect spans and measurements while the block runs."""
    running = in_memory(strict=strict)
    try:
        yield running
    finally:
        running.stop()
