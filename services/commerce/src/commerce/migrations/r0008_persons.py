"""Persons: who belongs to whom directly, so that a merge can be undone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("person_links") as links:
        links.add_column(sa.Column("direct", sa.String(length=100), nullable=True))
    # What was merged before can only be parted as a whole.
    op.execute("UPDATE person_links SET direct = person")
    with op.batch_alter_table("person_links") as links:
        links.alter_column("direct", existing_type=sa.String(length=100), nullable=False)
