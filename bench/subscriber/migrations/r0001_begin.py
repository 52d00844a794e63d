"""Begin."""

from alembic import op

from bench.subscriber.bootstrap import metadata
from chassis.log_schema import create_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_v1(op)
    metadata.create_all(op.get_bind())
