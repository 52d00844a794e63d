"""Quotas: what a tenant may do, and what it did."""

from collections.abc import Sequence

from alembic import op

from chassis import quota_schema

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None
phase: str = "expand"


def upgrade() -> None:
    quota_schema.create_v1(op)
