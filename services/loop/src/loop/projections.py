"""Which weeks are closed, at which hash and position vector."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, insert, select, update

from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from loop.events import LoopCycleClosed, LoopCycleRestated
from loop.tables import cycles

closed_cycles = Projection("closed_cycles", tables=("cycles",))


@dataclass(frozen=True, kw_only=True, slots=True)
class Closed:
    """What was recorded of a week last."""

    hash: str
    positions: Mapping[str, int]
    times_restated: int
    recorded_at: int


@closed_cycles.on(LoopCycleClosed)
def close(event: LoopCycleClosed, stored: Envelope, db: Connection) -> None:
    """List the week among the closed ones."""
    db.execute(
        insert(cycles).values(
            tenant=stored.tenant,
            cycle=event.cycle,
            hash=event.hash,
            positions=json.dumps(event.positions),
            times_restated=0,
            recorded_at=micros(stored.recorded_at),
        )
    )


@closed_cycles.on(LoopCycleRestated)
def restate(event: LoopCycleRestated, stored: Envelope, db: Connection) -> None:
    """Replace the week's numbers, and count how often that happened."""
    of_week = and_(cycles.c.tenant == stored.tenant, cycles.c.cycle == event.cycle)
    db.execute(
        update(cycles)
        .where(of_week)
        .values(
            hash=event.hash,
            positions=json.dumps(event.positions),
            times_restated=cycles.c.times_restated + 1,
            recorded_at=micros(stored.recorded_at),
        )
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
