"""The rows about carts and about what their buyers asked."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text

from commerce.tables import metadata

carts = Table(
    "carts",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("cart_id", String(36), primary_key=True),
    Column("platform", String(200), nullable=False),
    Column("property", String(200), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("touched_at", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("order_id", String(36)),
    Column("abandoned_at", BigInteger),
    Column("enquiry_case", String(36)),
    Column("enquiry_at", BigInteger),
    Column("came_back", Integer, nullable=False),
    Index("carts_by_opening", "tenant", "opened_at"),
)
cart_lines = Table(
    "cart_lines",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("cart_id", String(36), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("qty", BigInteger, nullable=False),
)
cart_buyers = Table(
    "cart_buyers",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("cart_id", String(36), primary_key=True),
    Column("buyer", String(100), nullable=False),
    Index("cart_buyers_by_buyer", "tenant", "buyer"),
)
enquiries = Table(
    "enquiries",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("case_id", String(36), primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    Column("author", String(100), nullable=False),
    Column("product_refs", Text, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("closed_at", BigInteger),
    Index("enquiries_by_author", "tenant", "author", "opened_at"),
)
