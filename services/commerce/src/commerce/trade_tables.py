"""The rows about marketplaces' messages that wait."""

from sqlalchemy import BigInteger, Column, String, Table, Text

from commerce.tables import metadata

refused_messages = Table(
    "refused_messages",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("marketplace", String(20), primary_key=True),
    Column("trade_no", String(32), primary_key=True),
    Column("message_id", String(64), primary_key=True),
    Column("topic", String(200), nullable=False),
    Column("code", String(100), nullable=False),
    Column("detail", Text, nullable=False),
    Column("refused_at", BigInteger, nullable=False),
)
