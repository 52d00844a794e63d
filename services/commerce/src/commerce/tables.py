"""The rows of commerce's read models."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, false

from chassis.tables import define_all

metadata = MetaData()
define_all(metadata)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("zone", String(100), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("country", String(2), nullable=False),
)
products = Table(
    "products",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("title", String(500), nullable=False),
    # The newest price, for processes of the version before this one; to go with the one after.
    Column("list_amount", BigInteger),
    Column("sale_amount", BigInteger),
    Column("currency", String(3)),
    Column("valid_from", BigInteger),
    Column("valid_to", BigInteger),
    Column("per_person", Integer),
)
# In the order in which they were made; one without a price takes those before it off sale.
offers = Table(
    "product_offers",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("nth", BigInteger, primary_key=True),
    Column("list_amount", BigInteger),
    Column("sale_amount", BigInteger),
    Column("currency", String(3)),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("per_person", Integer),
)
available = Table(
    "available_to_sell",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("location", String(100), primary_key=True),
    Column("on_hand", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("confirmed", BigInteger, nullable=False),
)
board = Table(
    "order_board",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("placed_at", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("reason", String(200)),
    Column("platform", String(200), nullable=False),
    Column("property", String(200), nullable=False),
    Column("mode", String(20), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("currency", String(3), nullable=False),
    Index("order_board_by_status", "tenant", "status"),
)
money = Table(
    "money_of_orders",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("currency", String(3), nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("stands", Boolean, nullable=False),
    Column("called_off", Boolean, nullable=False, server_default=false()),
    Column("returned", BigInteger, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunding", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
)
person_orders = Table(
    "person_orders",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("sku", String(100), primary_key=True),
    Column("person_id", String(100), nullable=False),
    Column("qty", BigInteger, nullable=False),
    Column("counts", Boolean, nullable=False),
    Index("person_orders_by_person", "tenant", "person_id", "sku"),
)
person_links = Table(
    "person_links",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("member", String(100), primary_key=True),
    Column("person", String(100), nullable=False),
    Column("direct", String(100), nullable=False),
    Index("person_links_by_person", "tenant", "person"),
)
buyers = Table(
    "buyers",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("person", String(100), primary_key=True),
)
forgotten_people = Table(
    "forgotten_people",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("subject", String(100), primary_key=True),
)
