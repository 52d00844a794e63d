"""How far behind the readers of one service are, sampled beside the work and not inside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from chassis import checkpoints, parked, publisher, timers
from chassis.blueprint import Blueprint
from chassis.health import Check, broker_answers, database_answers, lag_below
from chassis.settings import Settings
from chassis.storage import Storage, log_on
from chassis.telemetry import metrics
from chassis.topology import source_of

SECONDS = 5.0


def sample(blueprint: Blueprint, storage: Storage) -> int:
    """Record every lag of a service, its parked events and its overdue timers, once.

    Returns:
        0: there is never more to do at once.

    Raises:
        Unavailable: the database does not answer.
    """
    with storage.system.read() as db:
        _sample_log(db, blueprint)
        _sample_parked(db)
        overdue = timers.overdue(db, storage.clock.now())
    for name in {process.name for process in blueprint.processes} | overdue.keys():
        metrics.record(metrics.TIMERS_DUE, overdue.get(name, 0), process=name)
    return 0


def read_models_fresh(blueprint: Blueprint, storage: Storage, limit: int) -> Check:
    """Require that no read model is more than ``limit`` events behind its own log.

    Subscriptions do not count: two services that wait for each other's feed would both stay
    out of service for ever.
    """
    names = [projection.name for projection in blueprint.projections]

    def lag() -> int:
        with storage.system.read() as db:
            return max(behind(db, names).values(), default=0)

    return lag_below(limit, lag)


def relay_checks(
    blueprint: Blueprint,
    storage: Storage,
    settings: Settings,
    *,
    sends: bool = True,
    follows: bool = True,
) -> list[Check]:
    """Return what must hold before a relay counts as ready: nothing of its log waits for long.

    Each half answers for its own work only.
    """

    def unpublished() -> int:
        with storage.system.read() as db:
            return log_on(db).unplaced() + behind(db, [publisher.NAME])[publisher.NAME]

    sending = [
        broker_answers(settings.amqp_uri),
        replace(lag_below(settings.lag_limit, unpublished), name="events published"),
    ]
    following = [read_models_fresh(blueprint, storage, settings.lag_limit)]
    return [
        database_answers(storage.system),
        *(sending if sends else []),
        *(following if follows else []),
    ]


def behind(db: Connection, readers: Sequence[str]) -> Mapping[str, int]:
    """Return how many events of the own log each reader has not seen yet."""
    head = log_on(db).head()
    return {name: head - checkpoints.position(db, name) for name in readers}


def _sample_log(db: Connection, blueprint: Blueprint) -> None:
    metrics.record(metrics.SEQUENCER_LAG, log_on(db).unplaced())
    views = [projection.name for projection in blueprint.projections]
    others = [name for name in blueprint.readers if name not in views]
    lags = behind(db, [*views, *others, publisher.NAME])
    metrics.record(metrics.PUBLISHER_LAG, lags[publisher.NAME])
    for name in views:
        metrics.record(metrics.PROJECTION_LAG, lags[name], projection=name)
    for name in others:
        source = source_of(name)
        metrics.record(metrics.SUBSCRIPTION_LAG, lags[name], subscription=name, source=source)


def _sample_parked(db: Connection) -> None:
    waiting = parked.count_by_subscription(db)
    # A reader whose last parked event is gone must be seen to have none.
    for name in waiting.keys() | checkpoints.names(db):
        source = source_of(name)
        metrics.record(metrics.PARKED, waiting.get(name, 0), subscription=name, source=source)
