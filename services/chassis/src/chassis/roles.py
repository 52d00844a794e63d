"""What a process of a service can be: worker, relay, migration job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from chassis import checkpoints, lags, publisher
from chassis.blueprint import Blueprint
from chassis.clock import clock_from
from chassis.database import Database, Waiter, directly
from chassis.delivery import Delivery
from chassis.feed import HttpFeed
from chassis.follower import Follower, Follows, Gateway, Together
from chassis.inbox import Feed
from chassis.key_store import SqlKeys
from chassis.loops import Bell, Loop, Loops, ringing
from chassis.parked import LADDER
from chassis.processes import handlers_of
from chassis.reactions import projecting
from chassis.sequencer import ALWAYS, ANY_PENDING, Leadership, sequence
from chassis.service_token import ClientCredentials
from chassis.settings import Settings
from chassis.storage import Storage, head_of
from chassis.timers import fire_due

LIMIT = 1000
IDLE = 1.0
SEQUENCER_LOCK, PUBLISHER_LOCK = 0x51F0_0001, 0x51F0_0002


def blueprint_of(package: str) -> Blueprint:
    """Return a service's blueprint, by the name of its package."""
    return cast("Blueprint", import_module(f"{package}.bootstrap").BLUEPRINT)


def storage_of(blueprint: Blueprint, settings: Settings, wait: Waiter = directly) -> Storage:
    """Open what a service keeps, as its settings say."""
    clock = clock_from(settings.clock_file)
    return Storage(
        service=blueprint.name,
        database=Database(settings.database_url, wait=wait),
        registry=blueprint.registry,
        keys=SqlKeys(
            Database(settings.keys_url, wait=wait), master_key=settings.master_key, clock=clock
        ),
        clock=clock,
        secret=settings.secret,
        inline=blueprint.inline,
    )


def feeds_of(settings: Settings) -> Mapping[str, Feed]:
    """Return the feeds of the services that this one subscribes to."""
    token = token_of(settings)
    return {name: HttpFeed(url, token) for name, url in settings.feeds.items()}


def token_of(settings: Settings) -> Callable[[], str]:
    """Return where this service's own token comes from: fixed, or fetched when needed."""
    if settings.service_token or not settings.token_url:
        fixed = settings.service_token or ""
        return lambda: fixed
    return ClientCredentials(
        settings.token_url,
        settings.client_id or "",
        settings.client_secret or "",
        audience=settings.audience,
    )


def followers_of(
    blueprint: Blueprint, storage: Storage, ladder: Sequence[float] = LADDER
) -> list[Follows]:
    """Return everything that follows a service's own log.

    Args:
        blueprint: The service.
        storage: What it keeps.
        ladder: Seconds until a parked event is tried again, try by try.
    """
    database = storage.database
    folding = [
        Delivery(projection.name, database, projecting(storage, projection), ladder=ladder)
        for projection in blueprint.projections
    ]
    managing = [
        Delivery(process.name, database, handlers_of(storage, process), ladder=ladder)
        for process in blueprint.processes
    ]
    calling = [
        Gateway(name, database, calls(storage), ladder=ladder)
        for name, calls in blueprint.gateways.items()
    ]
    # A read model that is built anew must not hold up the processes, so two groups.
    together = [
        Together(name, [Follower(delivery, database) for delivery in group], database)
        for name, group in (("projections", folding), ("processes", managing))
        if group
    ]
    return [*together, *calling]


def announce_readers(blueprint: Blueprint, storage: Storage) -> None:
    """Give every reader of the own log a place, so that its lag can be seen from the start."""
    with storage.database.begin() as db:
        for name in (*blueprint.readers, publisher.NAME):
            checkpoints.announce(db, name, checkpoints.WHOLE_LOG)


def relay_loops(blueprint: Blueprint, storage: Storage, settings: Settings) -> Loops:
    """Return the loops that number, publish and follow one service's log."""
    bell = Bell()
    outgoing = publisher.Publisher(blueprint.name, storage.database, settings.amqp_uri)
    loops = [
        _led(storage, Loop(name="publisher", step=outgoing.step, idle=IDLE, rung=True,
                            close=outgoing.close), PUBLISHER_LOCK),
        Loop(name="timers", step=lambda: fire_due(storage), idle=settings.timer_poll_seconds),
        *(
            Loop(name=follower.name, step=follower.step, idle=IDLE, rung=True)
            for follower in followers_of(blueprint, storage, settings.retry_seconds)
        ),
        Loop(name="lags", step=lambda: lags.sample(blueprint, storage), idle=lags.SECONDS),
        ringing(bell, lambda: head_of(storage.database), settings.tail_poll_seconds),
    ]  # fmt: skip
    if not storage.database.is_sqlite:
        loops.append(sequencer_loop(storage))
    return Loops(loops, bell)


def sequencer_loop(storage: Storage) -> Loop:
    """Return the loop that numbers a PostgreSQL log's events."""

    def step() -> int:
        with storage.database.begin() as db:
            return sequence(db, limit=LIMIT)

    loop = Loop(name="sequencer", step=step, idle=0.005)
    return _led(storage, loop, SEQUENCER_LOCK, look=ANY_PENDING)


def _led(storage: Storage, loop: Loop, lock: int, *, look: str = ALWAYS) -> Loop:
    """Return a loop of which only one replica works at a time, when ``look`` finds work."""
    if storage.database.is_sqlite:
        return loop
    leadership = Leadership(storage.database, lock)

    def step() -> int:
        return loop.step() if leadership.acquire(look) else 0

    def close() -> None:
        loop.close()
        leadership.release()

    return replace(loop, step=step, close=close)


def edge_of(blueprint: Blueprint) -> type[Any]:
    """Import a service's nameko class."""
    module, _, name = blueprint.edge.partition(":")
    return cast("type[Any]", getattr(import_module(module), name))
