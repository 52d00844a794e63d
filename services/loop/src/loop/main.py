"""The loop's one plain process: takes facts in, closes weeks, serves the page.

``python -m chassis.run loop``; no eventlet here.
"""

import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from chassis import health, logs, ops_port, trust
from chassis.access import note_changes
from chassis.auth import authority_of
from chassis.broker import Broker
from chassis.consumer import HEAD_SECONDS, Consumer
from chassis.errors import Alarm
from chassis.health import (
    Check,
    NotReady,
    broker_answers,
    database_answers,
    lag_below,
    logs_continue,
)
from chassis.http import Limits
from chassis.ids import LANES
from chassis.inbox import Feed, OrderedInbox
from chassis.isolation.checking import ensure_apart
from chassis.lags import PUBLISHED, log_carried
from chassis.logs import get_logger
from chassis.loops import Loop, Loops
from chassis.migrations import ensure_current
from chassis.roles import feeds_of, relay_loops, storage_of
from chassis.settings import Settings, from_environment
from chassis.shutdown import leave_within, stays
from chassis.storage import Storage
from chassis.telemetry import setup
from chassis.throttle import throttle_of
from chassis.topology import subscription_name
from chassis.wsgi import App, Service, server, wsgi_app
from loop import live_pages, unread
from loop.board import Board
from loop.bootstrap import BLUEPRINT
from loop.closing import Closer
from loop.console import Console
from loop.edge import routes
from loop.forgetting import Forgetter
from loop.live import DuckLedger, LiveFacts
from loop.pages import pages
from loop.places import facts_file
from loop.session import sessions_of, sign_in_of
from loop.upstream import SOURCES

# Every open page holds one thread for its live updates; the rest answer everything else.
_WEB_THREADS = live_pages.MOST + 16
_STOP_SECONDS = 3.0
_CLOSE_SECONDS = 1.0
# The page shows new numbers once a second: facts may come in larger batches, which DuckDB likes.
_BATCH_WAIT_SECONDS = 0.2
COUNTED = "logs counted"
# As of a worker: the page shows the numbers that there are, and other services read the loop's log.
NOT_FOR_TRAFFIC = (*health.NOT_FOR_TRAFFIC, PUBLISHED, COUNTED)
_log = get_logger(__name__)


class Subscriptions:
    """A thread for each producer's log; one that is alarmed stops alone and is reported."""

    def __init__(
        self,
        facts: LiveFacts,
        feeds: Mapping[str, Feed],
        broker: Broker,
        *,
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self.alarms: dict[str, str] = {}
        self._stopping = threading.Event()
        self._inboxes = {
            source: OrderedInbox(DuckLedger(facts, source), feed, lanes=range(LANES))
            for source, feed in feeds.items()
        }
        consumers = [
            Consumer(
                inbox,
                consumer=BLUEPRINT.name,
                source=source,
                broker=broker,
                stopped=self._stopping.is_set,
                alarm=partial(self._note, source),
                head_seconds=head_seconds,
                wait_seconds=_BATCH_WAIT_SECONDS,
            )
            for source, inbox in self._inboxes.items()
        ]
        self._threads = [
            threading.Thread(target=consumer.run, name=source, daemon=True)
            for source, consumer in zip(feeds, consumers, strict=True)
        ]

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def lag(self) -> int:
        """Return how many events of all logs have not been counted, as far as is known."""
        return sum(inbox.lag for inbox in self._inboxes.values())

    def stop(self) -> None:
        """Let every thread finish its batch; one that waits for a dead broker is left behind."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOP_SECONDS / len(self._threads))

    def _note(self, source: str, alarm: Alarm) -> None:
        self.alarms[subscription_name(BLUEPRINT.name, source)] = str(alarm)


def sources_of(settings: Settings) -> dict[str, Feed]:
    """Return the feeds of the logs that the loop counts from.

    Others may be named, as one address list serves every service: the loop's own among them,
    in which it would wait for itself.
    """
    return {source: feed for source, feed in feeds_of(settings).items() if source in SOURCES}


def console_of(settings: Settings, storage: Storage, facts: LiveFacts, loops: Loops) -> Console:
    """Return what the edge answers from."""
    authority = authority_of(settings)
    note_changes(authority.rights, storage)
    sign_in = sign_in_of(settings, authority)
    return Console(
        storage=storage,
        facts=facts,
        board=Board(facts),
        authority=authority,
        sessions=sessions_of(settings, authority, sign_in),
        span_file=settings.span_file,
        sign_in=sign_in,
        public_url=sign_in.home if sign_in else "/",
        tokens_in_links=not settings.production,
        throttle=throttle_of(settings),
        stopping=lambda: loops.stopping,
    )


def app_of(console: Console, checks: Sequence[Check]) -> App:
    """Return the web application: API, pages, health."""
    # In development tokens come in links, and browsers without TLS.
    service = Service(name=BLUEPRINT.name, checks=checks, tls=not console.tokens_in_links)
    return wsgi_app(
        service,
        routes(console),
        console.storage,
        console.authority,
        limits=Limits(throttle=console.throttle),
        pages=pages(console),
    )


def checks_of(console: Console, subscriptions: Subscriptions, broker: Broker) -> list[Check]:
    """Return what must hold before traffic may come."""

    def everything_read() -> None:
        waiting = len(unread.listed(console.facts))
        if waiting:
            raise NotReady(f"{waiting} events could not be read")

    return [
        stays(),
        database_answers(console.storage.database),
        broker_answers(broker),
        logs_continue(subscriptions.alarms),
        Check(name="events read", probe=everything_read),
    ]


def main(package: str = BLUEPRINT.name) -> None:
    """Run until SIGTERM, then finish what was begun and leave."""
    settings = from_environment()
    logs.configure(settings)
    ensure_current(settings.database_url, package)
    ensure_apart(settings)
    trust.also(settings.http_ca)
    telemetry = setup.start(settings, "loop")
    facts = LiveFacts(facts_file(settings))
    unread.retry_all(facts)
    run(settings, storage_of(BLUEPRINT, settings), facts, telemetry)
    facts.close()
    telemetry.stop()


def run(settings: Settings, storage: Storage, facts: LiveFacts, telemetry: setup.Running) -> None:
    """Run every thread until asked to stop."""
    feeds = sources_of(settings)
    own_log = relay_loops(BLUEPRINT, storage, settings)
    console = console_of(settings, storage, facts, own_log)
    closer = Closer(storage, facts, console.board, feeds)
    answering = Loops(
        [
            Loop(name="closer", step=closer.step, idle=_CLOSE_SECONDS),
            Loop(name="forgetter", step=Forgetter(storage, facts).step, idle=_CLOSE_SECONDS),
        ]
    )
    broker = Broker.of(settings)
    subscriptions = Subscriptions(facts, feeds, broker, head_seconds=settings.feed_poll_seconds)
    checks = checks_of(console, subscriptions, broker)
    web = server(
        app_of(console, checks), settings.http_host, settings.http_port, threads=_WEB_THREADS
    )
    web.shutdown_timeout = _STOP_SECONDS
    web.prepare()
    ops = ops_port.serve(
        settings,
        [
            *checks,
            *log_carried(BLUEPRINT, storage, settings),
            replace(lag_below(settings.lag_limit, subscriptions.lag), name=COUNTED),
        ],
        exposed=telemetry.exposed,
        alive=[own_log.turning(), answering.turning()],
    )

    def leave(*_: object) -> None:
        leave_within()
        own_log.ask_to_stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    threading.Thread(target=web.serve, name="web", daemon=True).start()
    for part in (own_log, answering, subscriptions):
        part.start()
    _log.info("loop.started", port=web.bind_addr[1])
    ops.started = True
    while not own_log.wait(ops_port.BEAT_SECONDS):
        ops.beat()
    time.sleep(settings.drain_seconds)
    web.stop()
    subscriptions.stop()
    answering.stop(_STOP_SECONDS)
    own_log.stop(_STOP_SECONDS)
