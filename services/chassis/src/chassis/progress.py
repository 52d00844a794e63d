"""How far a service has come: its log's heads and where each of its readers stands."""

from typing import Any

from sqlalchemy import Connection

from chassis import checkpoints, parked, timers
from chassis.storage import log_on


def progress(db: Connection) -> dict[str, Any]:
    """Return what an operator, or a test that waits for quiet, needs to know.

    Returns:
        ``unplaced``: committed events that have no position yet; ``position``: the log's
        head; ``lanes``: each lane's head; ``readers``: each reader's position by lane, -1
        being the whole log; ``next_timer``: when one is due; ``parked``: how many wait.
    """
    log, due = log_on(db), timers.next_due(db)
    return {
        "unplaced": log.unplaced(),
        "position": log.head(),
        "lanes": {str(lane): head.position for lane, head in log.lane_heads().items()},
        "readers": {
            name: {str(lane): head.position for lane, head in lanes.items()}
            for name, lanes in checkpoints.load_all(db).items()
        },
        "next_timer": due.isoformat() if due else None,
        "parked": parked.count(db),
    }
