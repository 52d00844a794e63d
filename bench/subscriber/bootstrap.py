"""Everything that service consists of."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, text

from chassis import tables
from chassis.blueprint import Blueprint
from chassis.events import EventRegistry
from chassis.upstream import Upstream

upstream = Upstream()


@upstream.event("producer", "thing_happened")
@upstream.event("producer", "thing_noted")
@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """What is read of a thing that happened."""

    n: int
    name: str


metadata = MetaData()
tables.define_all(metadata)
things = Table(
    "things",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("n", Integer, nullable=False),
    Column("name", String(100), nullable=False),
    Column("at", BigInteger, nullable=False, server_default=text(
        "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)")),
)  # fmt: skip

BLUEPRINT = Blueprint(
    name="subscriber",
    registry=EventRegistry("subscriber"),
    upstream=upstream,
    edge="bench.subscriber.service:SubscriberService",
)
