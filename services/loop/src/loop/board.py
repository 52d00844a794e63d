"""What the pages show: the numbers at the live position vector, computed once for everybody."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from loop.evaluate import Counted, Vector, evaluate
from loop.live import LiveFacts
from loop.replay import PositionNotReached

REST_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """Every tenant's numbers at one position vector."""

    positions: Vector
    tenants: Mapping[str, Counted]


class Board:
    """The newest snapshot; it is renewed when somebody looks, and not more than once a second.

    Args:
        rest: Seconds between two computations while facts keep arriving.
    """

    def __init__(self, facts: LiveFacts, *, rest: float = REST_SECONDS) -> None:
        self._facts = facts
        self._rest = rest
        self._lock = Lock()
        self._newest = Snapshot(positions={}, tenants={})
        self._made_at = 0.0

    def newest(self) -> Snapshot:
        """Return the numbers at the live vector, or those of a moment ago."""
        with self._lock:
            rested = time.monotonic() - self._made_at >= self._rest
            if rested and self._facts.vector != self._newest.positions:
                self._newest = self._make(self._facts.vector)
                self._made_at = time.monotonic()
            return self._newest

    def at(self, vector: Vector) -> Snapshot:
        """Return the numbers at an earlier vector; raises PositionNotReached."""
        live = self._facts.vector
        for source, position in vector.items():
            if position > live.get(source, 0):
                raise PositionNotReached(f"{source} is at {live.get(source, 0)}, not {position}")
        return self._make({source: vector.get(source, 0) for source in live})

    def forget(self) -> None:
        """Compute anew when somebody looks next, although no position moved."""
        with self._lock:
            self._newest = Snapshot(positions={}, tenants={})
            self._made_at = 0.0

    def _make(self, vector: Vector) -> Snapshot:
        return Snapshot(positions=vector, tenants=evaluate(self._facts.store, vector))
