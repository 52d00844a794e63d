"""What a process of a service can be: worker, relay or its two halves, migration job."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import Any, cast

from chassis import checkpoints, lags, publisher
from chassis.blueprint import Blueprint
from chassis.broker import Broker
from chassis.clock import clock_from
from chassis.database import Database, Waiter, directly
from chassis.delivery import Delivery
from chassis.ear import Ear
from chassis.erasure_list import ErasureList
from chassis.faults import reach
from chassis.feed import HttpFeed
from chassis.follower import BATCH, Follower, Follows, Gateway, Together
from chassis.inbox import Feed
from chassis.jwks import discover
from chassis.key_store import SqlKeys
from chassis.leadership import BEAT_SECONDS, Leadership, beat_all
from chassis.loops import Bell, Loop, Loops, ringing
from chassis.migrations import ensure_finished
from chassis.outgoing import to_broker
from chassis.parked import LADDER
from chassis.processes import handlers_of
from chassis.quotas.telling import SECONDS, tell
from chassis.read_models import PAGE, page_delivery
from chassis.rotation import LOOK_SECONDS, Current
from chassis.sequencer import ANY_PENDING, sequence
from chassis.service_token import ClientCredentials
from chassis.sessions import Address
from chassis.settings import Settings, SettingsInvalid
from chassis.storage import Storage, head_of
from chassis.telemetry import pools
from chassis.timers import fire_due

LIMIT = 1000
IDLE = 1.0
NOT_APART = (
    "DATABASE_URL: publisher and projector are two processes only on PostgreSQL, where locks keep"
    " two publishers apart; a SQLite file has one relay"
)
SEQUENCER_REST = 0.005
LOCKS = {"sequencer": 0x51F0_0001, "publisher": 0x51F0_0002, "followers": 0x51F0_0003}


def blueprint_of(package: str) -> Blueprint:
    """Return a service's blueprint, by the name of its package."""
    return cast("Blueprint", import_module(f"{package}.bootstrap").BLUEPRINT)


def storage_of(
    blueprint: Blueprint, settings: Settings, wait: Waiter = directly, aside: Waiter = directly
) -> Storage:
    """Open what a service keeps, as its settings say.

    Args:
        blueprint: The service.
        settings: Its process's.
        wait: Runs a call to the database that may block for long.
        aside: Runs other calls that may.

    Raises:
        RestoreUnfinished: the keys are a copy in which those forgotten are not forgotten yet.
    """
    ensure_finished(settings.keys_url)
    clock, current = clock_from(settings.clock_file), Current.watching(settings)
    keys = Database(Address(lambda: current.now.keys_url), wait=wait, pool_size=settings.pool_size)
    log = Database(
        Address(lambda: current.now.database_url), wait=wait, pool_size=settings.pool_size
    )
    pools.watch("log", log.engine)
    pools.watch("keys", keys.engine)
    everyones = _everyones(current, wait)
    if everyones is not None:
        pools.watch("system", everyones.engine)
    return Storage(
        service=blueprint.name,
        database=log,
        everyones=everyones,
        registry=blueprint.registry,
        keys=SqlKeys(
            keys,
            master_key=settings.master_key,
            other_key=settings.other_master_key,
            clock=clock,
        ),
        clock=clock,
        secret=settings.secret,
        inline=blueprint.inline,
        allowed=settings.quotas,
        erasures=erasures_of(blueprint.name, settings, aside),
    )


def _everyones(current: Current, wait: Waiter) -> Database | None:
    settings = current.now
    if settings.system_url == settings.database_url:
        return None
    address = Address(lambda: current.now.system_url)
    return Database(address, wait=wait, pool_size=settings.pool_size)


def retire_sessions(storage: Storage) -> int:
    """Close idle database sessions whose password was renewed since; returns 0."""
    keys = [storage.keys.database] if isinstance(storage.keys, SqlKeys) else []
    for database in (storage.database, storage.system, *keys):
        database.retire()
    return 0


def erasures_of(service: str, settings: Settings, wait: Waiter = directly) -> ErasureList | None:
    """Return the list of erasures as a service writes it, if there is one."""
    if settings.erasure_list is None:
        return None
    return ErasureList(
        address=settings.erasure_list, secret=settings.secret, service=service, wait=wait
    )


def feeds_of(settings: Settings) -> Mapping[str, Feed]:
    """Return the feeds of the services that this one subscribes to."""
    token = token_of(settings)
    return {name: HttpFeed(url, token) for name, url in settings.feeds.items()}


def token_of(settings: Settings) -> Callable[[], str]:
    """Return where this service's own token comes from: fixed, or fetched when needed."""
    current = Current.watching(settings)
    if settings.service_token or not settings.client_id:
        return lambda: current.now.service_token or ""
    return ClientCredentials(
        lambda: settings.token_url or discover(settings.issuer).token or "",
        settings.client_id,
        lambda: current.now.client_secret or "",
        audience=settings.audience,
    )


def followers_of(
    blueprint: Blueprint,
    storage: Storage,
    ladder: Sequence[float] = LADDER,
    *,
    delivery: Callable[..., Delivery] = Delivery,
    gateway: Callable[..., Gateway] = Gateway,
) -> list[Follows]:
    """Return everything that follows a service's own log.

    Args:
        blueprint: The service.
        storage: What it keeps.
        ladder: Seconds until a parked event is tried again, try by try.
        delivery: Makes the deliveries; a test may look over their shoulder.
        gateway: Makes the gateways.
    """
    database = storage.system
    folding = [
        Follower(page_delivery(storage, projection, ladder=ladder, delivery=delivery), database)
        for projection in blueprint.projections
    ]
    managing = [
        Follower(
            delivery(process.name, database, handlers_of(storage, process), ladder=ladder), database
        )
        for process in blueprint.processes
    ]
    calling = [
        gateway(name, database, calls(storage), ladder=ladder)
        for name, calls in blueprint.gateways.items()
    ]
    # A read model that is built anew must not hold up the processes, so two groups.
    together = [
        Together(name, group, database, batch=batch)
        for name, group, batch in (
            ("projections", folding, PAGE),
            ("processes", managing, BATCH),
        )
        if group
    ]
    return [*together, *calling]


def announce_readers(blueprint: Blueprint, storage: Storage) -> None:
    """Give every reader of the own log a place, so that its lag can be seen from the start."""
    with storage.system.begin() as db:
        for name in (*blueprint.readers, publisher.NAME):
            checkpoints.announce(db, name, checkpoints.WHOLE_LOG)


def relay_loops(
    blueprint: Blueprint,
    storage: Storage,
    settings: Settings,
    *,
    sends: bool = True,
    follows: bool = True,
) -> Loops:
    """Return the loops that number, publish and follow one service's log.

    Of several processes that run them, one works in each role and the others stand by.

    Args:
        blueprint: The service.
        storage: What it keeps.
        settings: Of this process.
        sends: This process numbers and publishes.
        follows: This process projects, fires timers, calls outside and samples the lags.

    Raises:
        SettingsInvalid: only one half is asked for, and the log is a SQLite file.
    """
    bell = Bell()
    following = follower_loops(blueprint, storage, settings) if follows else []
    if not storage.system.is_sqlite:
        working = led_loops(storage, settings, following, sends=sends)
    elif sends and follows:
        working = [publisher_loop(storage, settings, storage.system.begin), *following]
    else:
        raise SettingsInvalid([NOT_APART])
    if follows:
        working += sampling_loops(blueprint, storage)
    retiring = Loop(name="secrets", step=partial(retire_sessions, storage), idle=LOOK_SECONDS)
    working.append(retiring)
    return Loops([*working, bell_loop(storage, bell, settings.tail_poll_seconds)], bell)


def sampling_loops(blueprint: Blueprint, storage: Storage) -> list[Loop]:
    """Return the loops that look at how far everybody is; one look costs more than the other."""
    return [
        Loop(name="lags", step=partial(lags.sample, blueprint, storage), idle=lags.SECONDS),
        Loop(
            name="counts",
            step=partial(lags.sample_slowly, blueprint, storage),
            idle=lags.SLOW_SECONDS,
        ),
    ]


def publisher_loop(storage: Storage, settings: Settings, begin: publisher.Begin) -> Loop:
    """Return the loop that carries a service's log to the bus."""
    connect = to_broker(Broker.of(settings), storage.service)
    outgoing = publisher.Publisher(storage.service, storage.system, connect, begin=begin)
    return Loop(name=publisher.NAME, step=outgoing.step, idle=IDLE, rung=True, close=outgoing.close)


def follower_loops(blueprint: Blueprint, storage: Storage, settings: Settings) -> list[Loop]:
    """Return the loops that follow a service's own log and fire its timers."""
    followers = followers_of(blueprint, storage, settings.retry_seconds)
    return [
        Loop(name="timers", step=lambda: fire_due(storage), idle=settings.timer_poll_seconds),
        Loop(name="quotas", step=lambda: tell(storage), idle=SECONDS, rest=SECONDS),
        *(Loop(name=each.name, step=each.step, idle=IDLE, rung=True) for each in followers),
    ]


def led_loops(
    storage: Storage, settings: Settings, following: Sequence[Loop], *, sends: bool = True
) -> list[Loop]:
    """Return the loops of which one replica's work, and the leaders' pulse."""
    database = storage.system
    numbering = Leadership(database, LOCKS["sequencer"], "sequencer")
    # A checkpoint that a power cut takes back makes the publisher repeat itself, and no more.
    sending = Leadership(database, LOCKS["publisher"], "publisher", commits_wait=False)
    reading = Leadership(database, LOCKS["followers"], "followers")
    leaders = (numbering, sending, reading)
    # A replica that cannot reach the broker leaves it to one that can.
    publishing = led(
        publisher_loop(storage, settings, sending.begin), sending, release=sending.release
    )

    def release() -> None:
        for leader in leaders:
            leader.release()

    return [
        *([sequencer_loop(numbering), publishing] if sends else []),
        *(led(loop, reading) for loop in following),
        Loop(name="leaders", step=lambda: beat_all(leaders), idle=BEAT_SECONDS, close=release),
    ]


def sequencer_loop(leadership: Leadership) -> Loop:
    """Return the loop that numbers a PostgreSQL log's events."""

    def step() -> int:
        if not leadership.acquire(ANY_PENDING):
            return 0
        with leadership.begin() as db:
            numbered = sequence(db, limit=LIMIT)
            reach("sequencer.before_commit")
        reach("sequencer.committed")
        return numbered

    # A batch costs the same for one event as for thirty, and writers need the processor too.
    return Loop(
        name="sequencer",
        step=step,
        idle=SEQUENCER_REST,
        rest=SEQUENCER_REST,
        close=leadership.release,
    )


def led(loop: Loop, leadership: Leadership, release: Callable[[], None] = lambda: None) -> Loop:
    """Return a loop that works only while its process has a role's lock."""

    def step() -> int:
        return loop.step() if leadership.acquire() else 0

    def close() -> None:
        loop.close()
        release()

    return replace(loop, step=step, close=close)


def bell_loop(storage: Storage, bell: Bell, seconds: float) -> Loop:
    """Return the loop that wakes the readers of a service's own log."""
    if storage.system.is_sqlite:
        return ringing(bell, lambda: head_of(storage.system), seconds)
    ear = Ear(storage.system)
    return ringing(bell, lambda: head_of(storage.system), seconds, wait=ear.wait, close=ear.close)


def edge_of(blueprint: Blueprint) -> type[Any]:
    """Import a service's nameko class."""
    module, _, name = blueprint.edge.partition(":")
    return cast("type[Any]", getattr(import_module(module), name))
