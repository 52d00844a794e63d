"""Listening's own tables: what it knows of others, and its read models; no plaintext of people."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
)

from chassis import tables as chassis_tables

metadata = MetaData()
chassis_tables.define_all(metadata)

_TENANT = 200
_BRAND = 200

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("zone", String(100), nullable=False),
    Column("country", String(2)),
)

watches = Table(
    "watches",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("watch_id", Uuid, primary_key=True),
    Column("brand", String(_BRAND), nullable=False),
    Column("terms", JSON, nullable=False),
    Column("exclude", JSON, nullable=False),
    Column("platforms", JSON, nullable=False),
    Column("require_at", Boolean, nullable=False),
    Column("listening", Boolean, nullable=False),
)

personas = Table(
    "personas",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("persona_id", Uuid, primary_key=True),
    Column("brand", String(_BRAND), nullable=False),
    Column("name", String(200), nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("account_id", String(200), primary_key=True),
    Column("person_id", String(200), nullable=False),
    Index("accounts_by_person", "tenant", "person_id"),
)

memberships = Table(
    "memberships",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("member_id", String(200), primary_key=True),
    Column("person_id", String(200), nullable=False),
    Column("programme", String(200), nullable=False),
    Index("memberships_by_person", "tenant", "person_id"),
)

orders = Table(
    "orders",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("order_id", String(200), primary_key=True),
    Column("person_id", String(200), nullable=False),
    Index("orders_by_person", "tenant", "person_id"),
)

mentions = Table(
    "mentions",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("mention_id", Uuid, primary_key=True),
    Column("brand", String(_BRAND), primary_key=True),
    Column("case_id", Uuid, nullable=False),
    Column("platform", String(50), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("author_account", Uuid, nullable=False),
    Column("is_at", Boolean, nullable=False),
    Column("lang", String(20), nullable=False),
    Column("polarity", String(20)),
    Column("intent", String(20)),
    Column("posted_at", BigInteger, nullable=False),
    Column("detected_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Index("mentions_by_discovery", "tenant", "detected_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("tenant", String(_TENANT), primary_key=True),
    Column("case_id", Uuid, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("latest", Boolean, nullable=False),
    Column("brand", String(_BRAND), nullable=False),
    Column("platform", String(50), nullable=False),
    Column("mention_id", Uuid, nullable=False),
    Column("author_account", Uuid, nullable=False),
    Column("author", JSON, nullable=False),
    Column("product_refs", JSON, nullable=False),
    Column("type", String(20), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("tier", String(10), nullable=False),
    Column("calendar_basis", String(30), nullable=False),
    Column("clock_started_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("breached", Boolean, nullable=False),
    Column("replied_at", BigInteger),
    Column("latency_s", BigInteger),
    Column("settled_at", BigInteger),
    Column("outcome", String(30)),
    Index("turns_to_answer", "tenant", "open", "priority", "due_at"),
    Index("turns_by_author", "tenant", "author_account", "open"),
)
