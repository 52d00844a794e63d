"""Stores, and whose a phone number is."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("store_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("address", sa.String(length=500), nullable=False),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.Column("latitude", sa.BigInteger(), nullable=False),
        sa.Column("longitude", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(length=100), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "store_id"),
    )
    op.create_index("stores_by_region", "stores", ["tenant", "region"], unique=False)
    op.create_table(
        "phone_owners",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("phone_id", sa.String(length=36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "phone_id"),
    )
    op.create_index("phone_owners_by_person", "phone_owners", ["tenant", "person"], unique=False)
