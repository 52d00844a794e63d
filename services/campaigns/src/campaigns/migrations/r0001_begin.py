"""Begin."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from chassis import log_schema

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    log_schema.create_v1(op)
    op.create_table(
        "account_owners",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "account_id"),
    )
    op.create_index(
        "account_owners_by_person", "account_owners", ["tenant", "person_id"], unique=False
    )
    op.create_table(
        "checkpoints",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "lane"),
    )
    op.create_table(
        "contents",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("content_id", sa.String(length=100), nullable=False),
        sa.Column("drafted_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("face", sa.String(length=20), nullable=False),
        sa.Column("sell", sa.String(length=10), nullable=False),
        sa.Column("persona", sa.String(length=200), nullable=False),
        sa.Column("platforms", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("lang", sa.String(length=20), nullable=False),
        sa.Column("market", sa.String(length=2), nullable=False),
        sa.Column("campaign_id", sa.String(length=100), nullable=True),
        sa.Column("link", sa.Text(), nullable=True),
        sa.Column("purchase_link", sa.Boolean(), nullable=False),
        sa.Column("ad_mark", sa.Boolean(), nullable=False),
        sa.Column("drafted_by", sa.String(length=200), nullable=False),
        sa.Column("approved_by", sa.String(length=200), nullable=True),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "content_id"),
    )
    op.create_index(
        "contents_by_time", "contents", ["tenant", "drafted_at", "content_id"], unique=False
    )
    op.create_table(
        "conversions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("model", sa.String(length=20), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("ordered_at", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reversed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id"),
    )
    op.create_table(
        "credits_given",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("touch_id", sa.String(length=100), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("campaign_id", sa.String(length=100), nullable=True),
        sa.Column("content_id", sa.String(length=100), nullable=True),
        sa.Column("weight", sa.String(length=20), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id", "touch_id"),
    )
    op.create_table(
        "idempotency",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key_digest", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "route", "key_digest"),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "length_limits",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("platform", sa.String(length=200), nullable=False),
        sa.Column("author", sa.String(length=10), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "platform", "author", "effective_from"),
    )
    op.create_table(
        "links",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("token", sa.String(length=200), nullable=False),
        sa.Column("content_id", sa.String(length=100), nullable=False),
        sa.Column("campaign_id", sa.String(length=100), nullable=True),
        sa.Column("platform", sa.String(length=200), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "token"),
    )
    op.create_index("links_by_content", "links", ["tenant", "content_id"], unique=False)
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=False),
        sa.Column("shares", sa.String(length=100), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "worker"),
    )
    op.create_table(
        "lookup",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "kind", "token"),
    )
    op.create_index("lookup_by_subject", "lookup", ["tenant", "subject"], unique=False)
    op.create_table(
        "merged_persons",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("absorbed", sa.String(length=100), nullable=False),
        sa.Column("survivor", sa.String(length=100), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "absorbed"),
    )
    op.create_index(
        "merged_persons_by_survivor", "merged_persons", ["tenant", "survivor"], unique=False
    )
    op.create_table(
        "orders",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=100), nullable=False),
        sa.Column("person_id", sa.String(length=100), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "order_id"),
    )
    op.create_index("orders_by_person", "orders", ["tenant", "person_id"], unique=False)
    op.create_table(
        "parked",
        sa.Column("subscription", sa.String(length=200), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("stream", sa.String(length=300), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("parked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subscription", "position"),
    )
    op.create_index(op.f("ix_parked_due_at"), "parked", ["due_at"], unique=False)
    op.create_index(
        "parked_by_stream",
        "parked",
        ["subscription", "tenant", "stream", "position"],
        unique=False,
    )
    op.create_table(
        "parked_audit",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("subscription", sa.String(length=200), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "processes",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("process", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("advanced_at", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "process", "key"),
    )
    op.create_table(
        "publications",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("content_id", sa.String(length=100), nullable=False),
        sa.Column("platform", sa.String(length=200), nullable=False),
        sa.Column("slot", sa.String(length=200), nullable=False),
        sa.Column("property_id", sa.String(length=200), nullable=False),
        sa.Column("face", sa.String(length=20), nullable=False),
        sa.Column("sell", sa.String(length=10), nullable=False),
        sa.Column("link_token", sa.String(length=200), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "content_id", "platform", "slot"),
    )
    op.create_index("publications_by_time", "publications", ["tenant", "at"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=True),
        sa.Column("source", sa.String(length=100), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "session_id"),
    )
    op.create_index("sessions_by_subject", "sessions", ["tenant", "subject"], unique=False)
    op.create_table(
        "spend",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("ad_id", sa.String(length=100), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("impressions", sa.BigInteger(), nullable=False),
        sa.Column("clicks", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "ad_id", "day"),
    )
    op.create_table(
        "tenants",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=200), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "timers",
        sa.Column("tenant", sa.String(length=200), nullable=False),
        sa.Column("process", sa.String(length=100), nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("causation_id", sa.Uuid(), nullable=False),
        sa.Column("traceparent", sa.String(length=60), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "process", "key", "name"),
    )
    op.create_index(op.f("ix_timers_due_at"), "timers", ["due_at"], unique=False)
    op.create_table(
        "touches",
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("touch_id", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=True),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column("campaign_id", sa.String(length=100), nullable=True),
        sa.Column("content_id", sa.String(length=100), nullable=True),
        sa.Column("kind", sa.String(length=100), nullable=False),
        sa.Column("direct", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "touch_id"),
    )
    op.create_index("touches_by_subject", "touches", ["tenant", "subject", "at"], unique=False)
    op.create_index("touches_by_time", "touches", ["tenant", "at"], unique=False)
