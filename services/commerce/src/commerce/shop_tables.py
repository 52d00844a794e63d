"""The rows of what shoppers see."""

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, String, Table, Text

from commerce.tables import metadata

presentations = Table(
    "presentations",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("media", Text, nullable=False),
    Column("texts", Text, nullable=False),
)
storefronts = Table(
    "storefronts",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("in_shared_mall", Boolean, nullable=False),
)
# Files are no events and fold from none: they are kept here, and named by what is in them.
assets = Table(
    "media_assets",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("mime_type", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("uploaded_at", BigInteger, nullable=False),
)
