"""Drops."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from chassis import log_schema

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    log_schema.add_hot_functions(op)
    op.create_table(
        "drop_board",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("drop_id", sa.String(length=36), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("channel_exclusive", sa.String(length=200), nullable=True),
        sa.Column("exclusive_until", sa.BigInteger(), nullable=True),
        sa.Column("per_person", sa.Integer(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("stock", sa.BigInteger(), nullable=False),
        sa.Column("entered", sa.BigInteger(), nullable=False),
        sa.Column("served", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("ordered", sa.BigInteger(), nullable=False),
        sa.Column("sold", sa.BigInteger(), nullable=False),
        sa.Column("returned", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "drop_id"),
    )
    op.create_table(
        "drop_entries",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("drop_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("pay_until", sa.BigInteger(), nullable=True),
        sa.Column("order_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "entry_id"),
    )
    op.create_table(
        "drop_terms",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("drop_id", sa.String(length=36), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("channel", sa.String(length=200), nullable=True),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.Column("exclusive_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "drop_id"),
    )
    op.create_index("drop_terms_by_sku", "drop_terms", ["tenant", "sku"], unique=False)
    op.create_table(
        "forgotten_people",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject"),
    )
    op.create_table(
        "verified_phones",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("phone_id", sa.String(length=36), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "phone_id"),
    )
    op.create_index(
        "verified_phones_by_person", "verified_phones", ["tenant", "person_id"], unique=False
    )
