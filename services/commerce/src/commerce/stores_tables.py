"""The rows about stores, and about whose a phone number is that tills send."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from commerce.tables import metadata

stores = Table(
    "stores",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("store_id", String(100), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("address", String(500), nullable=False),
    Column("region", String(200), nullable=False),
    Column("latitude", BigInteger, nullable=False),
    Column("longitude", BigInteger, nullable=False),
    Column("zone", String(100), nullable=False),
    Column("hours", Text, nullable=False),
    Index("stores_by_region", "tenant", "region"),
)
phone_owners = Table(
    "phone_owners",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("phone_id", String(36), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("person", String(100)),
    Index("phone_owners_by_person", "tenant", "person"),
)
