"""The tables of the loop's own log and of what it has recorded."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text

from chassis import tables

metadata = MetaData()
tables.define_all(metadata)
cycles = Table(
    "cycles",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("cycle", String(20), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("positions", Text, nullable=False),
    Column("times_restated", Integer, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
)
