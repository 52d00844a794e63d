"""campaigns' tables, as SQLAlchemy sees them; moments are microseconds since 1970."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from chassis import tables

metadata = MetaData()
tables.define_all(metadata)

_TENANT, _ID, _NAME = String(64), String(100), String(200)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("zone", _NAME, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("country", String(2)),
)

length_limits = Table(
    "length_limits",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("platform", _NAME, primary_key=True),
    Column("author", String(10), primary_key=True),
    Column("effective_from", BigInteger, primary_key=True),
    Column("characters", Integer),
)

contents = Table(
    "contents",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("content_id", _ID, primary_key=True),
    Column("drafted_at", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("face", String(20), nullable=False),
    Column("sell", String(10), nullable=False),
    Column("persona", _NAME, nullable=False),
    Column("platforms", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("length", Integer, nullable=False),
    Column("lang", String(20), nullable=False),
    Column("market", String(2), nullable=False),
    Column("campaign_id", _ID),
    Column("link", Text),
    Column("purchase_link", Boolean, nullable=False),
    Column("ad_mark", Boolean, nullable=False),
    Column("drafted_by", _NAME, nullable=False),
    Column("approved_by", _NAME),
    Column("problems", Text),
    Column("version", Integer, nullable=False),
    Index("contents_by_time", "tenant", "drafted_at", "content_id"),
)

publications = Table(
    "publications",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("content_id", _ID, primary_key=True),
    Column("platform", _NAME, primary_key=True),
    Column("slot", _NAME, primary_key=True),
    Column("property_id", _NAME, nullable=False),
    Column("face", String(20), nullable=False),
    Column("sell", String(10), nullable=False),
    Column("link_token", _NAME),
    Column("at", BigInteger, nullable=False),
    Index("publications_by_time", "tenant", "at"),
)

links = Table(
    "links",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("token", _NAME, primary_key=True),
    Column("content_id", _ID, nullable=False),
    Column("campaign_id", _ID),
    Column("platform", _NAME, nullable=False),
    Column("target", Text, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Index("links_by_content", "tenant", "content_id"),
)

# A forgotten subject leaves its rows behind without saying whose they were, so that the same
# import still adds nothing.
touches = Table(
    "touches",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("touch_id", _ID, primary_key=True),
    Column("event_id", _ID, nullable=False),
    Column("subject", _ID),
    Column("channel", _ID, nullable=False),
    Column("campaign_id", _ID),
    Column("content_id", _ID),
    Column("kind", _ID, nullable=False),
    Column("direct", Boolean, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("touches_by_subject", "tenant", "subject", "at"),
    Index("touches_by_time", "tenant", "at"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("session_id", _ID, primary_key=True),
    Column("subject", _ID),
    Column("source", _ID, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Index("sessions_by_subject", "tenant", "subject"),
)

spend = Table(
    "spend",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("ad_id", _ID, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("channel", _ID, nullable=False),
    Column("impressions", BigInteger, nullable=False),
    Column("clicks", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
)

account_owners = Table(
    "account_owners",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("account_id", _ID, primary_key=True),
    Column("person_id", _ID, nullable=False),
    Index("account_owners_by_person", "tenant", "person_id"),
)

merged_persons = Table(
    "merged_persons",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("absorbed", _ID, primary_key=True),
    Column("survivor", _ID, nullable=False),
    Index("merged_persons_by_survivor", "tenant", "survivor"),
)

orders = Table(
    "orders",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("order_id", _ID, primary_key=True),
    Column("person_id", _ID),
    Column("placed_at", BigInteger, nullable=False),
    Index("orders_by_person", "tenant", "person_id"),
)

conversions = Table(
    "conversions",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("order_id", _ID, primary_key=True),
    Column("model", String(20), nullable=False),
    Column("window_days", Integer, nullable=False),
    Column("ordered_at", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("reversed", BigInteger, nullable=False),
)

credits_given = Table(
    "credits_given",
    metadata,
    Column("tenant", _TENANT, primary_key=True),
    Column("order_id", _ID, primary_key=True),
    Column("touch_id", _ID, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("channel", _ID, nullable=False),
    Column("campaign_id", _ID),
    Column("content_id", _ID),
    Column("weight", String(20), nullable=False),
    Column("amount", BigInteger, nullable=False),
)
