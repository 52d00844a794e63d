"""What the loop itself records: its cycles, and that it has forgotten somebody."""

from dataclasses import dataclass
from typing import Any

from chassis import audit, erasure, processes
from chassis.events import EventRegistry

registry = EventRegistry("loop")
processes.declare(registry)
erasure.declare(registry)
audit.declare(registry)


@registry.event("loop_cycle_closed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LoopCycleClosed:
    """A week is over, and everything recorded by then is counted.

    Args:
        cycle: The week, as in ``2026-W19``.
        hash: SHA-256 over ``stages`` in their canonical form.
        stages: Every number of every stage.
        positions: How far each log was read.
    """

    cycle: str
    hash: str
    stages: dict[str, Any]
    positions: dict[str, int]


@registry.event("loop_cycle_restated", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class LoopCycleRestated:
    """Facts of a closed week arrived late; these numbers replace the earlier ones."""

    cycle: str
    hash: str
    replaces: str
    stages: dict[str, Any]
    positions: dict[str, int]


CycleEvent = LoopCycleClosed | LoopCycleRestated
