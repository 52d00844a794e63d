"""From a writer's commit to another service's handler, at a steady pace, over real processes.

``python -m bench.latency relay|reader ...`` are the two processes beside the writer: the relay
numbers and publishes, the reader consumes and notes when its handler ran.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from statistics import quantiles
from threading import Event
from uuid import UUID

from sqlalchemy import Connection, MetaData, text

from bench.results import Result
from chassis import tables
from chassis.blueprint import Blueprint
from chassis.broker import Broker
from chassis.clock import SystemClock
from chassis.consumer import Consumer
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.events import EventRegistry
from chassis.feed import LocalFeed
from chassis.ids import LANES, new_id
from chassis.inbox import Inbox
from chassis.log import Append, Draft
from chassis.log_postgresql import SCHEMA_V1, PostgresqlLog
from chassis.privacy import MemoryKeys
from chassis.roles import relay_loops
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.settings import settings
from chassis.upstream import Upstream

PER_SECOND, SECONDS, WARM_SECONDS = 200, 15, 3
LIMITS_MS = {"latency_p50_ms": (50, 15.0), "latency_p99_ms": (99, 100.0)}
REST_SECONDS = 30
DRAFT = Draft(type="thing_happened", schema_version=1, subjects=(), data=b'{"n":1}' * 20)
_SEEN = "CREATE TABLE seen (id uuid PRIMARY KEY, at float NOT NULL)"
_NOTE = text("INSERT INTO seen VALUES (:id, :at)")


def latencies(postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ) -> list[Result]:
    """Return the median and the 99th percentile, each beside its limit; more than 1 is met."""
    found = sorted(_measured(postgresql, rabbitmq))
    cuts = quantiles(found, n=100)
    return [
        Result(key=key, value=cuts[at - 1], unit="ms", peer=limit, ratio=limit / cuts[at - 1])
        for key, (at, limit) in LIMITS_MS.items()
    ]


def _measured(postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ) -> list[float]:
    log_url, reader_url = (_fresh(postgresql, f"latency_{name}") for name in ("log", "reader"))
    amqp_uri = rabbitmq.vhost("latency")
    processes = [
        subprocess.Popen([sys.executable, "-m", "bench.latency", *words])  # noqa: S603  # ourselves
        for words in (["relay", log_url, amqp_uri], ["reader", log_url, amqp_uri, reader_url])
    ]
    log, reader = Database(log_url), Database(reader_url)
    try:
        committed = _write(log, reader)
        handled = _handled(reader, len(committed))
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        log.close()
        reader.close()
        rabbitmq.drop_vhost("latency")
    warm = PER_SECOND * WARM_SECONDS
    return [(handled[event] - at) * 1000 for event, at in list(committed.items())[warm:]]


def _fresh(postgresql: PrivatePostgreSQL, name: str) -> str:
    url = postgresql.database(name)
    database, metadata = Database(url), MetaData()
    tables.define_all(metadata)
    with database.begin() as db:
        metadata.create_all(db)
        for statement in (*SCHEMA_V1, _SEEN):
            db.execute(text(statement))
    database.close()
    return url


def _write(log: Database, reader: Database) -> Mapping[UUID, float]:
    """Append at a steady pace; return when each event was committed."""
    committed = {}
    _append(log)
    _handled(reader, 1)  # both processes are there
    began = time.monotonic()
    for number in range(PER_SECOND * (WARM_SECONDS + SECONDS)):
        time.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        committed[_append(log)] = time.monotonic()
    return committed


def _append(log: Database) -> UUID:
    wanted = Append(stream=f"thing-{new_id()}", expected_version=0, drafts=[DRAFT])
    with log.begin() as db:
        return PostgresqlLog(db).append(context(), [wanted], recorded_at=NOW).events[0].id


def _handled(reader: Database, count: int) -> Mapping[UUID, float]:
    """Return when each event was handled, once so many were."""
    until = time.monotonic() + REST_SECONDS
    while reader.glance("SELECT count(*) FROM seen")[0] < count:
        if time.monotonic() > until:
            raise TimeoutError(f"not {count} events were handled in {REST_SECONDS} s")
        time.sleep(0.2)
    with reader.read() as db:
        return {UUID(str(event)): at for event, at in db.execute(text("SELECT id, at FROM seen"))}


def relay(log_url: str, amqp_uri: str) -> None:
    """Be the relay of a log until SIGTERM."""
    blueprint = Blueprint(
        name="bench", registry=EventRegistry("bench"), upstream=Upstream(), edge=""
    )
    loops = relay_loops(blueprint, _storage(log_url), settings(amqp_uri=amqp_uri))
    signal.signal(signal.SIGTERM, lambda *_: loops.ask_to_stop())
    loops.start()
    loops.wait()
    loops.stop()


def reader(log_url: str, amqp_uri: str, reader_url: str) -> None:
    """Consume a log's events until SIGTERM, and note when each was handled."""
    log, database, stopped = _storage(log_url), Database(reader_url), Event()
    delivery = Delivery("reader.on.bench", database, {DRAFT.type: _note})
    feed = LocalFeed(log.system.read, "bench")
    consumer = Consumer(
        Inbox(delivery, database, feed, lanes=range(LANES)),
        consumer="reader",
        source="bench",
        broker=Broker.at(amqp_uri),
        stopped=stopped.is_set,
        alarm=lambda alarm: sys.exit(str(alarm)),
    )
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    consumer.run()


def _note(db: Connection, event: Recorded) -> None:
    db.execute(_NOTE, {"id": event.id, "at": time.monotonic()})


def _storage(url: str) -> Storage:
    return Storage(
        service="bench",
        database=Database(url),
        registry=EventRegistry("bench"),
        keys=MemoryKeys(),
        clock=SystemClock(),
        secret=SECRET,
    )


_ROLES: Mapping[str, Callable[..., None]] = {"relay": relay, "reader": reader}

if __name__ == "__main__":
    _ROLES[sys.argv[1]](*sys.argv[2:])
