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
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
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
        "consent_ledger",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("text_version", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "event_id"),
    )
    op.create_index(
        "consent_ledger_by_person", "consent_ledger", ["tenant", "person_id", "at"], unique=False
    )
    op.create_table(
        "email_owners",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("email_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "email_id", "person_id"),
    )
    op.create_index("email_owners_by_person", "email_owners", ["tenant", "person_id"], unique=False)
    op.create_table(
        "erased_subjects",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subject"),
    )
    op.create_index(
        "erased_subjects_by_request", "erased_subjects", ["tenant", "request_id"], unique=False
    )
    op.create_table(
        "fans",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("property_id", sa.String(), nullable=False),
        sa.Column("platform", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("followed_at", sa.BigInteger(), nullable=False),
        sa.Column("unfollowed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "account_id", "property_id"),
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
        "merge_reviews",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("a", sa.Uuid(), nullable=False),
        sa.Column("b", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "proposal_id"),
    )
    op.create_table(
        "merged_persons",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("absorbed", sa.Uuid(), nullable=False),
        sa.Column("survivor", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "absorbed"),
    )
    op.create_index(
        "merged_persons_by_survivor", "merged_persons", ["tenant", "survivor"], unique=False
    )
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
        "people",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("consented_at", sa.BigInteger(), nullable=True),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=True),
        sa.Column("merged_into", sa.Uuid(), nullable=True),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "person_id"),
    )
    op.create_table(
        "phone_claims",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "phone_id", "person_id"),
    )
    op.create_index("phone_claims_by_person", "phone_claims", ["tenant", "person_id"], unique=False)
    op.create_table(
        "phone_holders",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("phone_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("challenger", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "phone_id"),
    )
    op.create_index(
        "phone_holders_by_person", "phone_holders", ["tenant", "person_id"], unique=False
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
