"""The nameko process of one service: HTTP and subscriptions.

``python -m chassis.run worker commerce``; eventlet patches the standard library before anything
else is imported.
"""

import eventlet

eventlet.monkey_patch()

import os  # noqa: E402  # eventlet must patch first, here and below
import signal  # noqa: E402
import socket  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from typing import Any  # noqa: E402

from eventlet import tpool  # noqa: E402
from nameko.containers import ServiceContainer  # noqa: E402

from chassis import logs, ops_port, rotation, trust  # noqa: E402
from chassis.access import note_changes  # noqa: E402
from chassis.auth import authority_of  # noqa: E402
from chassis.blueprint import Blueprint  # noqa: E402
from chassis.broker import Broker  # noqa: E402
from chassis.database import directly  # noqa: E402
from chassis.health import broker_answers, database_answers, logs_continue  # noqa: E402
from chassis.http import Limits  # noqa: E402
from chassis.isolation.checking import ensure_apart  # noqa: E402
from chassis.lags import read_models_fresh  # noqa: E402
from chassis.migrations import ensure_current  # noqa: E402
from chassis.roles import blueprint_of, edge_of, feeds_of, retire_sessions, storage_of  # noqa: E402
from chassis.settings import Settings, from_environment  # noqa: E402
from chassis.shutdown import leave_within, stays  # noqa: E402
from chassis.storage import Storage  # noqa: E402
from chassis.telemetry import setup  # noqa: E402
from chassis.throttle import throttle_of  # noqa: E402

LOOK_SECONDS = 0.1
WORKERS = 50


def container_of(blueprint: Blueprint, settings: Settings) -> ServiceContainer:
    """Return the nameko container of a service, ready to start."""
    wait = tpool.execute if settings.database_url.startswith("sqlite") else directly
    storage = storage_of(blueprint, settings, wait, aside=tpool.execute)
    authority = authority_of(settings)
    note_changes(authority.rights, storage)
    alarms: dict[str, str] = {}
    broker = Broker.of(settings)
    config: dict[str, Any] = {
        "broker": broker,
        "WEB_SERVER_ADDRESS": f"{settings.http_host}:{settings.http_port}",
        "max_workers": WORKERS,
        "blueprint": blueprint,
        "storage": storage,
        "authority": authority,
        "limits": Limits(throttle=throttle_of(settings)),
        "production": settings.production,
        "feeds": feeds_of(settings),
        "retry_seconds": settings.retry_seconds,
        "feed_poll_seconds": settings.feed_poll_seconds,
        "batch_wait_seconds": settings.batch_wait_seconds,
        "lease_seconds": settings.lease_seconds,
        "worker": name_of(settings),
        "alarms": alarms,
        "checks": [
            stays(),
            database_answers(storage.database),
            broker_answers(broker),
            read_models_fresh(blueprint, storage, settings.lag_limit),
            logs_continue(alarms),
        ],
    }
    return ServiceContainer(edge_of(blueprint), config)


def name_of(settings: Settings) -> str:
    """Return what tells this worker from its replicas.

    One that is started again at the same place has the same name, so it takes its leases up
    at once: while it holds the port, the one before it is gone.
    """
    place = settings.http_port or f"process {os.getpid()}"
    return f"{socket.gethostname()}:{place}"


def main(package: str) -> None:
    """Run until SIGTERM; leave inside the deadline even when the broker is gone."""
    settings = from_environment()
    logs.configure(settings)
    ensure_current(settings.database_url, package)
    ensure_apart(settings)
    trust.also(settings.http_ca)
    telemetry = setup.start(settings, "worker")
    container = container_of(blueprint_of(package), settings)
    ops = ops_port.serve(settings, container.config["checks"], exposed=telemetry.exposed)
    eventlet.spawn(ops.attend, eventlet.spawn, eventlet.sleep)
    asked: list[int] = []

    def leave(number: int, _: object) -> None:
        # nameko by itself never leaves while the broker is unreachable.
        leave_within()
        asked.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    container.start()
    ops.started = True
    eventlet.spawn(_stop_when, asked, container, settings.drain_seconds)
    eventlet.spawn(_retire, container.config["storage"])
    container.wait()
    container.config["storage"].quotas.close()
    telemetry.stop()


def _retire(storage: Storage) -> None:
    while True:
        retire_sessions(storage)
        eventlet.sleep(rotation.LOOK_SECONDS)


def _stop_when(asked: Sequence[int], container: ServiceContainer, drain: float) -> None:
    # A signal's handler cannot wake eventlet's hub, which may sleep for a minute.
    while not asked:
        eventlet.sleep(LOOK_SECONDS)
    eventlet.sleep(drain)
    container.stop()
