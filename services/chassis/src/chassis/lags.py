"""How far behind the readers of one service are, sampled beside the work and not inside it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from chassis import checkpoints, parked, publisher, timers
from chassis.blueprint import Blueprint
from chassis.broker import Broker
from chassis.clock import SystemClock
from chassis.health import Check, broker_answers, database_answers, lag_below
from chassis.processes import count_orphans
from chassis.settings import Settings
from chassis.storage import Storage, log_on
from chassis.telemetry import metrics
from chassis.topology import source_of

SECONDS = 5.0
SLOW_SECONDS = 30.0
PUBLISHED = "events published"
ORPHAN_AGE = timedelta(days=1)
_wall = SystemClock()


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


def sample_slowly(blueprint: Blueprint, storage: Storage) -> int:
    """Record what costs more to count: stuck processes, and what a service counts itself.

    Returns:
        0: there is never more to do at once.

    Raises:
        Unavailable: the database does not answer.
    """
    with storage.system.read() as db:
        stuck = count_orphans(db, before=_wall.now() - ORPHAN_AGE)
        for name in {process.name for process in blueprint.processes} | stuck.keys():
            metrics.record(metrics.ORPHANS, stuck.get(name, 0), process=name)
        for count in blueprint.counts:
            count(db, storage.clock.now())
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


def log_carried(blueprint: Blueprint, storage: Storage, settings: Settings) -> list[Check]:
    """Require that nothing of the own log waits for long: neither to be shown nor to go out."""
    return [
        read_models_fresh(blueprint, storage, settings.lag_limit),
        events_published(storage, settings.lag_limit),
    ]


def events_published(storage: Storage, limit: int) -> Check:
    """Require that no more than ``limit`` events wait to be numbered or to go out."""

    def unpublished() -> int:
        with storage.system.read() as db:
            return log_on(db).unplaced() + behind(db, [publisher.NAME])[publisher.NAME]

    return replace(lag_below(limit, unpublished), name=PUBLISHED)


def relay_checks(
    blueprint: Blueprint,
    storage: Storage,
    settings: Settings,
    *,
    sends: bool = True,
    follows: bool = True,
) -> list[Check]:
    """Return what must hold before a relay counts as ready; each half answers for its own work."""
    limit = settings.lag_limit
    sending = [broker_answers(Broker.of(settings)), events_published(storage, limit)]
    return [
        database_answers(storage.system),
        *(sending if sends else []),
        *([read_models_fresh(blueprint, storage, limit)] if follows else []),
    ]


def behind(db: Connection, readers: Sequence[str]) -> Mapping[str, int]:
    """Return how many events of the own log each reader has not seen yet."""
    head = log_on(db).head()
    return {name: head - checkpoints.position(db, name) for name in readers}


def _sample_log(db: Connection, blueprint: Blueprint) -> None:
    metrics.record(metrics.SEQUENCER_LAG, log_on(db).unplaced())
    metrics.record(metrics.LOG_POSITION, log_on(db).head())
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
    waiting, stuck = parked.count_by_subscription(db), parked.count_stuck(db)
    # A reader whose last parked event is gone must be seen to have none.
    for name in waiting.keys() | checkpoints.names(db):
        source = source_of(name)
        labels = {"subscription": name, "source": source}
        metrics.record(metrics.PARKED, waiting.get(name, 0), **labels)
        metrics.record(metrics.PARKED_STUCK, stuck.get(name, 0), **labels)
