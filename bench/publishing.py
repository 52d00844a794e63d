"""The publisher, log to confirmed, beside nameko's event dispatcher, to quorum queues."""

import time
from collections.abc import Sequence

from kombu.connection import Connection
from kombu.entity import Queue
from nameko.standalone.events import event_dispatcher
from sqlalchemy import text

from bench.results import Result, paired
from chassis.broker import Broker
from chassis.database import Database
from chassis.log import Append, Draft
from chassis.log_postgresql import SCHEMA_V1, PostgresqlLog
from chassis.outgoing import to_broker
from chassis.publisher import Publisher
from chassis.sequencer import sequence
from chassis.testing.contexts import NOW, context
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.topology import event_exchange, ordered_queues

EVENTS, PEER_EVENTS, ROUNDS = 5_000, 500, 5
EACH = 10
DRAFT = Draft(type="thing_happened", schema_version=1, subjects=(), data=b'{"n":1}')
_CHECKPOINTS = """CREATE TABLE checkpoints (name text, lane int, position bigint, chain bytea,
PRIMARY KEY (name, lane))"""


def publish_vs_nameko(postgresql: PrivatePostgreSQL, rabbitmq: PrivateRabbitMQ) -> Result:
    """Compare in interleaved rounds."""
    pairs = []
    for number in range(ROUNDS):
        name = f"publish_{number}"
        database, uri = Database(postgresql.database(name)), rabbitmq.vhost(name)
        fill(database, [f"thing-{number}" for number in range(EVENTS // EACH)])
        _bind(uri)
        pairs.append((publish_rate(database, uri), _dispatches(uri)))
        database.close()
        rabbitmq.drop_vhost(name)
    return paired("publish_vs_nameko", "events/s", pairs)


def fill(database: Database, streams: Sequence[str]) -> None:
    """Make a log with ten numbered events in each stream, and nothing published."""
    with database.begin() as db:
        for statement in (*SCHEMA_V1, _CHECKPOINTS):
            db.execute(text(statement))
    with database.begin() as db:
        wanted = [
            Append(stream=stream, expected_version=0, drafts=[DRAFT] * EACH) for stream in streams
        ]
        PostgresqlLog(db).append(context(), wanted, recorded_at=NOW)
    with database.begin() as db:
        sequence(db, limit=EACH * len(streams))


def bind_reader(uri: str) -> None:
    """Make the four quorum queues of one ordered subscription."""
    with Connection(uri) as broker:
        channel = broker.channel()
        for queue in ordered_queues("reader", "bench"):
            queue(channel).declare()


def _bind(uri: str) -> None:
    bind_reader(uri)
    with Connection(uri) as broker:
        channel = broker.channel()
        exchange = event_exchange("peer")
        arguments = {"x-queue-type": "quorum"}
        Queue("peer", exchange, "thing_happened", queue_arguments=arguments)(channel).declare()


def publish_rate(database: Database, uri: str) -> float:
    """Publish the whole log; return how many events a second were confirmed."""
    count, began = 0, time.monotonic()
    with Publisher("bench", database, to_broker(Broker.at(uri), "bench")) as publisher:
        while published := publisher.step():
            count += published
    return count / (time.monotonic() - began)


def _dispatches(uri: str) -> float:
    dispatch = event_dispatcher({"AMQP_URI": uri})
    began = time.monotonic()
    for number in range(PEER_EVENTS):
        dispatch("peer", "thing_happened", {"n": number})
    return PEER_EVENTS / (time.monotonic() - began)
