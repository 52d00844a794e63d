"""Which weeks are closed, at which hash and position vector."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from chassis.changes import Changes, add, insert, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from loop.events import LoopCycleClosed, LoopCycleRestated
from loop.tables import cycles

closed_cycles = Projection("closed_cycles", [cycles])


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """What was recorded of a week last."""

    hash: str
    positions: Mapping[str, int]
    times_restated: int
    recorded_at: int


@closed_cycles.fold(LoopCycleClosed)
def close(event: LoopCycleClosed, stored: Envelope) -> Changes:
    """List the week among the closed ones."""
    yield insert(
        cycles,
        tenant=stored.tenant,
        cycle=event.cycle,
        hash=event.hash,
        positions=json.dumps(event.positions),
        times_restated=0,
        recorded_at=micros(stored.recorded_at),
    )


@closed_cycles.fold(LoopCycleRestated)
def restate(event: LoopCycleRestated, stored: Envelope) -> Changes:
    """Replace the week's numbers, and count how often that happened."""
    week = {"tenant": stored.tenant, "cycle": event.cycle}
    yield add(cycles, week, times_restated=1)
    yield update(
        cycles,
        week,
        hash=event.hash,
        positions=json.dumps(event.positions),
        recorded_at=micros(stored.recorded_at),
    )


def closed(db: Connection) -> dict[tuple[str, str], Closed]:
    """Return what was recorded last of every closed week, by tenant and week."""
    return {
        (row.tenant, row.cycle): Closed(
            hash=row.hash,
            positions=json.loads(row.positions),
            times_restated=row.times_restated,
            recorded_at=row.recorded_at,
        )
        for row in db.execute(select(cycles))
    }
