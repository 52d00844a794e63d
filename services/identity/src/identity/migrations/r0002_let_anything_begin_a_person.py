"""Let anything begin a person's row, not only the registration."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.alter_column("origin", existing_type=sa.String(), nullable=True)
        people.alter_column("registered_at", existing_type=sa.BigInteger(), nullable=True)
        people.add_column(sa.Column("merge_told_at", sa.BigInteger(), nullable=True))
