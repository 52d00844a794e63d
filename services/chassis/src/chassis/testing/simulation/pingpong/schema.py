"""The tables of both services: the chassis's own, and counts that a doubled effect would spoil."""

from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, text

from chassis import direct, tables
from chassis.log_sqlite import SCHEMA_V1

metadata = MetaData()
tables.define_all(metadata)
# Counted up by each effect, so that one too many or too few shows.
hits = Table(
    "hits",
    metadata,
    Column("rally_id", String(100), primary_key=True),
    Column("count", Integer, nullable=False),
)
returns = Table(
    "returns",
    metadata,
    Column("rally_id", String(100), primary_key=True),
    Column("count", Integer, nullable=False),
)
nets = Table(
    "nets",
    metadata,
    Column("net", String(100), primary_key=True),
    Column("height", Integer, nullable=False),
)


def create(db: Connection) -> None:
    """Create the log and every table."""
    for statement in SCHEMA_V1:
        db.execute(text(statement))
    metadata.create_all(db)


def count(db: Connection, table: str, rally_id: str) -> None:
    """Count one more."""
    direct.execute(
        db,
        f"INSERT INTO {table} (rally_id, count) VALUES (:rally_id, 1) "  # noqa: S608  # one of two constants
        "ON CONFLICT (rally_id) DO UPDATE SET count = count + 1",
        {"rally_id": rally_id},
    )
