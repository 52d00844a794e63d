"""Carts, what their buyers asked, promotions and their uses."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    _create_carts()
    _create_enquiries()
    _create_promotions()
    _create_uses()


def _create_carts() -> None:
    op.create_table(
        "carts",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("cart_id", sa.String(length=36), nullable=False),
        sa.Column("platform", sa.String(length=200), nullable=False),
        sa.Column("property", sa.String(length=200), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=True),
        sa.Column("abandoned_at", sa.BigInteger(), nullable=True),
        sa.Column("enquiry_case", sa.String(length=36), nullable=True),
        sa.Column("enquiry_at", sa.BigInteger(), nullable=True),
        sa.Column("came_back", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "cart_id"),
    )
    op.create_index("carts_by_opening", "carts", ["tenant", "opened_at"], unique=False)
    op.create_table(
        "cart_lines",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("cart_id", sa.String(length=36), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("qty", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "cart_id", "sku"),
    )
    op.create_table(
        "cart_buyers",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("cart_id", sa.String(length=36), nullable=False),
        sa.Column("buyer", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "cart_id"),
    )
    op.create_index("cart_buyers_by_buyer", "cart_buyers", ["tenant", "buyer"], unique=False)


def _create_enquiries() -> None:
    op.create_table(
        "enquiries",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author", sa.String(length=100), nullable=False),
        sa.Column("product_refs", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "case_id", "turn"),
    )
    op.create_index(
        "enquiries_by_author", "enquiries", ["tenant", "author", "opened_at"], unique=False
    )


def _create_promotions() -> None:
    op.create_table(
        "promotions",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("promotion_id", sa.String(length=100), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("needs_coupon", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "promotion_id"),
    )
    op.create_index(
        "promotions_by_start",
        "promotions",
        ["tenant", "needs_coupon", "ended", "valid_from"],
        unique=False,
    )
    op.create_table(
        "coupons",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("promotion_id", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "code"),
    )
    op.create_index("coupons_by_person", "coupons", ["tenant", "person_id"], unique=False)


def _create_uses() -> None:
    op.create_table(
        "promotion_uses",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("promotion_id", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id", "promotion_id"),
    )
    op.create_index(
        "promotion_uses_by_promotion",
        "promotion_uses",
        ["tenant", "promotion_id", "person_id"],
        unique=False,
    )
    op.create_index(
        "promotion_uses_by_person", "promotion_uses", ["tenant", "person_id"], unique=False
    )
    op.create_table(
        "coupon_uses",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id"),
    )
    op.create_index("coupon_uses_by_code", "coupon_uses", ["tenant", "code"], unique=False)
    op.create_table(
        "audience_members",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=False),
        sa.Column("audience", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "person_id", "audience"),
    )
