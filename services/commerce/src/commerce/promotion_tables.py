"""The rows that prices are made of: promotions, coupons, their uses, and who is in an audience."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from commerce.tables import metadata

promotions = Table(
    "promotions",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("promotion_id", String(100), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("needs_coupon", Boolean, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("ended", Boolean, nullable=False),
    Index("promotions_by_start", "tenant", "needs_coupon", "ended", "valid_from"),
)
coupons = Table(
    "coupons",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("code", String(40), primary_key=True),
    Column("promotion_id", String(100), nullable=False),
    Column("person_id", String(100)),
    Column("uses", Integer, nullable=False),
    Index("coupons_by_person", "tenant", "person_id"),
)
promotion_uses = Table(
    "promotion_uses",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("promotion_id", String(100), primary_key=True),
    Column("person_id", String(100)),
    Column("counts", Boolean, nullable=False),
    Index("promotion_uses_by_promotion", "tenant", "promotion_id", "person_id"),
    Index("promotion_uses_by_person", "tenant", "person_id"),
)
coupon_uses = Table(
    "coupon_uses",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("order_id", String(36), primary_key=True),
    Column("code", String(40), nullable=False),
    Column("counts", Boolean, nullable=False),
    Index("coupon_uses_by_code", "tenant", "code"),
)
audience_members = Table(
    "audience_members",
    metadata,
    Column("tenant", String(200), primary_key=True),
    Column("person_id", String(100), primary_key=True),
    Column("audience", String(200), primary_key=True),
)
