"""Reports: reaction times, and which orders were called off."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        "money_of_orders",
        sa.Column("called_off", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    # What was folded before knows of every order that was called off, but not as such.
    op.execute("""UPDATE money_of_orders SET called_off = true WHERE EXISTS (
        SELECT 1 FROM order_board b WHERE b.tenant = money_of_orders.tenant
        AND b.order_id = money_of_orders.order_id AND b.status = 'cancelled')""")
    op.create_table(
        "reaction_times",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("order_id", sa.String(length=36), nullable=False),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=True),
        sa.Column("measured", sa.Boolean(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("reserved_at", sa.BigInteger(), nullable=True),
        sa.Column("requested_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "order_id"),
    )
    op.create_index(
        "reaction_times_by_moment", "reaction_times", ["tenant", "placed_at"], unique=False
    )
