"""The tables of quotas: what is allowed, what was taken, what there is, what was metered."""

from sqlalchemy import BigInteger, Column, MetaData, String, Table, Text


def define_tables(metadata: MetaData) -> None:
    """Add the tables to a service's own metadata."""
    Table(
        "quota_limits",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("zone", String(100), nullable=False),
        Column("limits", Text, nullable=False),
    )
    Table(
        "quota_counts",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("name", String(100), primary_key=True),
        Column("period", String(20), primary_key=True),
        Column("taken", BigInteger, nullable=False),
        Column("granted", BigInteger, nullable=False),
        Column("ends_at", BigInteger, nullable=False, index=True),
    )
    Table(
        "quota_held",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("name", String(100), primary_key=True),
        Column("held", BigInteger, nullable=False),
    )
    Table(
        "metered",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("quarter", BigInteger, primary_key=True),
        Column("kind", String(100), primary_key=True),
        Column("events", BigInteger, nullable=False),
    )
    Table(
        "metered_totals",
        metadata,
        Column("tenant", String(200), primary_key=True),
        Column("events", BigInteger, nullable=False),
    )


_metadata = MetaData()
define_tables(_metadata)
quota_limits = _metadata.tables["quota_limits"]
quota_counts = _metadata.tables["quota_counts"]
quota_held = _metadata.tables["quota_held"]
metered = _metadata.tables["metered"]
metered_totals = _metadata.tables["metered_totals"]
