"""Offers: every price of a product, and not the newest alone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # It is filled from the log, as every new read model is.
    op.create_table(
        "product_offers",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("sku", sa.String(length=100), nullable=False),
        sa.Column("nth", sa.BigInteger(), nullable=False),
        sa.Column("list_amount", sa.BigInteger(), nullable=True),
        sa.Column("sale_amount", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("per_person", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "sku", "nth"),
    )
