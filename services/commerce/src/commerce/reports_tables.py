"""The rows from which commerce reports how fast it is."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table

from commerce.tables import metadata

reaction_times = Table(
    "reaction_times",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("placed_at", BigInteger),
    Column("lines", Integer),
    Column("measured", Boolean, nullable=False),
    Column("reserved", Integer, nullable=False),
    Column("reserved_at", BigInteger),
    Column("requested_at", BigInteger),
    Index("reaction_times_by_moment", "tenant", "placed_at"),
)
