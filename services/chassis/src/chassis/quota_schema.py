"""The tables of quotas and of metered use as migrations make them; frozen, as a revision is."""

from typing import Any

import sqlalchemy as sa


def create_v1(op: Any) -> None:
    """Make what limits are kept in, and what counts against them; empty at first."""
    op.create_table(
        "metered",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("quarter", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "quarter", "kind"),
    )
    op.create_table(
        "metered_totals",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "quota_counts",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("period", sa.String(length=20), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "period"),
    )
    op.create_index("ix_quota_counts_ends_at", "quota_counts", ["ends_at"], unique=False)
    op.create_table(
        "quota_held",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )
    op.create_table(
        "quota_limits",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("zone", sa.String(length=100), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant"),
    )
