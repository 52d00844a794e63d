"""A subscription, message to committed handler, beside nameko's event handler.

Both run in their own nameko worker process on the same servers; the messages wait in quorum
queues when it starts, and the database's clock tells how long the rows took.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from kombu.connection import Connection
from nameko.standalone.events import event_dispatcher
from sqlalchemy import text

from bench.results import Result, paired
from chassis.broker import Broker
from chassis.database import Database
from chassis.feed import SCOPE
from chassis.log import Append, Draft
from chassis.log_postgresql import PostgresqlLog
from chassis.migrations import migrate
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.sequencer import sequence
from chassis.testing.contexts import NOW, context
from chassis.testing.nodes import free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.web import AUDIENCE, ISSUER, Tokens
from chassis.topology import event_exchange, ordered_queues

EVENTS, PEER_EVENTS, ROUNDS = 5_000, 1_000, 3
EACH = 10
DEADLINE = 120.0
KEY = base64.b64encode(bytes(range(32))).decode()
QUEUE = "evt-peer-thing_happened--peer_subscriber.on_thing_happened"
# Rows after the first commit, by the time since it: a batch's rows all come at its end.
_RATE = """WITH first AS (SELECT xmin::text AS tx FROM things ORDER BY id LIMIT 1),
    begun AS (SELECT max(at) AS at FROM things JOIN first ON xmin::text = tx)
SELECT count(*) * 1000000.0 / (max(things.at) - max(begun.at))
FROM things JOIN first ON things.xmin::text <> first.tx CROSS JOIN begun"""


def consume_vs_nameko(postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ) -> Result:
    """Compare in interleaved rounds; the handler takes batches."""
    return compare("consume_vs_nameko", "thing_happened", postgresql, rabbitmq)


def compare(
    key: str,
    kind: str,
    postgresql: PrivatePostgreSQL,
    rabbitmq: PrivateRabbitMQ,
    *,
    rounds: int = ROUNDS,
) -> Result:
    """Compare in interleaved rounds, with the handler of one kind of event."""
    pairs = []
    for number in range(rounds):
        name = f"consume_{number}"
        url, uri = migrated(postgresql, name), rabbitmq.vhost(name)
        streams = [f"thing-{first}" for first in range(EVENTS // EACH)]
        pairs.append((consume_rate(url, uri, streams, kind), _peers(url, uri)))
        rabbitmq.drop_vhost(name)
    return paired(key, "events/s", pairs)


def migrated(postgresql: PrivatePostgreSQL, name: str) -> str:
    """Return the address of a fresh database of the subscriber's."""
    url = postgresql.database(name).replace("+psycopg:", "+psycopg2:")
    migrate(url, "bench.subscriber")
    return url


def consume_rate(url: str, uri: str, streams: Sequence[str], kind: str = "thing_happened") -> float:
    """Let a worker handle ten waiting events of each stream; return events a second."""
    with TemporaryDirectory() as folder:
        database = Database(url)
        _publish(database, uri, streams, kind)
        environment = settings_of(url, uri, Path(folder))
        command = ["chassis.run", "worker", "bench.subscriber"]
        return _rate(database, command, environment, EACH * len(streams))


def _peers(url: str, uri: str) -> float:
    database = Database(url)
    with database.begin() as db:
        db.execute(text("TRUNCATE things"))
    with Connection(uri) as broker:
        arguments = {"x-queue-type": "quorum"}
        exchange = event_exchange("peer")
        channel = broker.channel()
        exchange(channel).declare()
        channel.queue_declare(QUEUE, durable=True, auto_delete=False, arguments=arguments)
        channel.queue_bind(QUEUE, exchange.name, "thing_happened")
    dispatch = event_dispatcher({"AMQP_URI": uri})
    for number in range(PEER_EVENTS):
        dispatch("peer", "thing_happened", {"n": number, "name": "a thing"})
    return _rate(database, ["bench.nameko_peer", uri, url], {}, PEER_EVENTS)


def _publish(database: Database, uri: str, streams: Sequence[str], kind: str) -> None:
    with Connection(uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("subscriber", "producer"):
            queue(channel).declare()
    with database.begin() as db:
        PostgresqlLog(db).append(context(), _appends(streams, kind), recorded_at=NOW)
    with database.begin() as db:
        sequence(db, limit=EACH * len(streams))
    with Publisher("producer", database, to_broker(Broker.at(uri), "producer")) as publisher:
        while publisher.step():
            pass


def _appends(streams: Sequence[str], kind: str) -> list[Append]:
    def draft(number: int) -> Draft:
        data = json.dumps({"n": number, "name": "a thing"}).encode()
        return Draft(type=kind, schema_version=1, subjects=(), data=data)

    return [
        Append(
            stream=stream,
            expected_version=0,
            drafts=[draft(number) for number in range(first, first + EACH)],
        )
        for first, stream in zip(count(0, EACH), streams, strict=False)
    ]


def settings_of(url: str, uri: str, folder: Path) -> Mapping[str, str]:
    """Return the environment of a worker; nobody answers at its feed's address."""
    tokens = Tokens(folder)
    port, feed = free_ports(2)
    keys_url = f"sqlite:///{folder}/keys.db"
    migrate(keys_url, "chassis.key_store")
    return {
        "SERVICE": "subscriber", "ENVIRONMENT": "test", "DATABASE_URL": url, "KEYS_URL": keys_url,
        "AMQP_URI": uri, "SECRET": KEY, "MASTER_KEY": KEY, "JWKS": str(tokens.settings.jwks),
        "ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "HTTP_PORT": str(port),
        "SERVICE_TOKEN": tokens.bearer(SCOPE)["Authorization"].removeprefix("Bearer "),
        "FEEDS": f"producer=http://127.0.0.1:{feed}",
    }  # fmt: skip


def _rate(
    database: Database, command: Sequence[str], environment: Mapping[str, str], events: int
) -> float:
    """Start a worker, wait for its rows, stop it; return rows a second."""
    worker = subprocess.Popen(  # noqa: S603  # our own
        [sys.executable, "-m", *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for_rows(database, events)
        with database.read() as db:
            return float(db.scalar(text(_RATE)) or 0)
    finally:
        worker.terminate()
        worker.wait(DEADLINE)
        database.close()


def _wait_for_rows(database: Database, events: int) -> None:
    end = time.monotonic() + DEADLINE
    while database.glance("SELECT count(*) FROM things")[0] < events:
        if time.monotonic() > end:
            raise TimeoutError(f"{events} rows did not come in {DEADLINE} s")
        time.sleep(0.2)
