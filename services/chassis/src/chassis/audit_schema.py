"""The audit's table as migrations make it; frozen, as a revision is."""

from typing import Any

import sqlalchemy as sa


def create_v1(op: Any) -> None:
    """Make the list of the audit's entries; it is filled from then on."""
    op.create_table(
        "audit_trail",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(length=100), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "entry_id"),
    )
    op.create_index(
        "audit_trail_by_action", "audit_trail", ["tenant", "action", "entry_id"], unique=False
    )
