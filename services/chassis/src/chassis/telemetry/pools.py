"""How many database connections are out of each pool: one that is empty makes callers wait."""

from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare

USED = declare(
    Metric(
        name="sixfold.database.connections.used",
        kind="gauge",
        unit="{connection}",
        description="Connections of a pool that are in use",
        labels=frozenset({"pool"}),
    )
)
MOST = declare(
    Metric(
        name="sixfold.database.connections.most",
        kind="gauge",
        unit="{connection}",
        description="Connections that a pool may open at most",
        labels=frozenset({"pool"}),
    )
)


def watch(name: str, engine: Engine) -> None:
    """Show the use of an engine's pool; one for a database in memory has nothing to show."""
    pool = engine.pool
    if not isinstance(pool, QueuePool):
        return
    most = pool.size() + max(pool._max_overflow, 0)  # noqa: SLF001 -- the pool does not tell
    metrics.watch(USED, lambda: [({"pool": name}, pool.checkedout())])
    metrics.watch(MOST, lambda: [({"pool": name}, most)])
