"""The rows of the drops' read models, and of who holds a verified phone."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from commerce.tables import metadata

drop_terms = Table(
    "drop_terms",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("drop_id", String(36), primary_key=True),
    Column("sku", String(100), nullable=False),
    Column("channel", String(200)),
    Column("opens_at", BigInteger, nullable=False),
    Column("exclusive_until", BigInteger, nullable=False),
    Index("drop_terms_by_sku", "tenant", "sku"),
)
drops = Table(
    "drop_board",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("drop_id", String(36), primary_key=True),
    Column("sku", String(100), nullable=False),
    Column("channel_exclusive", String(200)),
    Column("exclusive_until", BigInteger),
    Column("per_person", Integer, nullable=False),
    Column("opens_at", BigInteger, nullable=False),
    Column("closes_at", BigInteger, nullable=False),
    Column("state", String(20), nullable=False),
    Column("stock", BigInteger, nullable=False),
    Column("entered", BigInteger, nullable=False),
    Column("served", BigInteger, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("ordered", BigInteger, nullable=False),
    Column("sold", BigInteger, nullable=False),
    Column("returned", BigInteger, nullable=False),
)
drop_entries = Table(
    "drop_entries",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("entry_id", String(36), primary_key=True),
    Column("drop_id", String(36), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("qty", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("pay_until", BigInteger),
    Column("order_id", String(36)),
)
verified_phones = Table(
    "verified_phones",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("phone_id", String(36), primary_key=True),
    Column("person_id", String(100), nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Index("verified_phones_by_person", "tenant", "person_id"),
)
