"""The tables of identity's read models; none of them holds a personal value."""

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, String, Table, Text, Uuid

from chassis.tables import define_all

metadata = MetaData()
define_all(metadata)
lookup = metadata.tables["lookup"]

account_owners = Table(
    "account_owners",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Index("account_owners_by_person", "tenant", "person_id"),
)

merged_persons = Table(
    "merged_persons",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("absorbed", Uuid, primary_key=True),
    Column("survivor", Uuid, nullable=False),
    Column("link_id", Uuid, nullable=False),
    Index("merged_persons_by_survivor", "tenant", "survivor"),
)

phone_claims = Table(
    "phone_claims",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("phone_id", Uuid, primary_key=True),
    Column("person_id", Uuid, primary_key=True),
    Index("phone_claims_by_person", "tenant", "person_id"),
)

phone_holders = Table(
    "phone_holders",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("phone_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("challenger", Uuid),
    Index("phone_holders_by_person", "tenant", "person_id"),
)

email_owners = Table(
    "email_owners",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("email_id", Uuid, primary_key=True),
    Column("person_id", Uuid, primary_key=True),
    Index("email_owners_by_person", "tenant", "person_id"),
)

erased_subjects = Table(
    "erased_subjects",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("request_id", Uuid, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Index("erased_subjects_by_request", "tenant", "request_id"),
)

fans = Table(
    "fans",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("account_id", Uuid, primary_key=True),
    Column("property_id", String, primary_key=True),
    Column("platform", String, nullable=False),
    Column("topic", String),
    Column("followed_at", BigInteger, nullable=False),
    Column("unfollowed_at", BigInteger),
)

people = Table(
    "people",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("person_id", Uuid, primary_key=True),
    Column("origin", String),
    Column("registered_at", BigInteger),
    Column("verified_at", BigInteger),
    Column("consented_at", BigInteger),
    Column("enrolled_at", BigInteger),
    Column("merged_into", Uuid),
    Column("merge_told_at", BigInteger),
    Column("erased_at", BigInteger),
)

consent_ledger = Table(
    "consent_ledger",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("person_id", Uuid, nullable=False),
    Column("purpose", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("said", String, nullable=False),
    Column("basis", String),
    Column("text_version", String),
    Column("at", BigInteger, nullable=False),
    Index("consent_ledger_by_person", "tenant", "person_id", "at"),
)

merge_reviews = Table(
    "merge_reviews",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("proposal_id", Uuid, primary_key=True),
    Column("a", Uuid, nullable=False),
    Column("b", Uuid, nullable=False),
    Column("score", Float, nullable=False),
    Column("features", Text, nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("decided_at", BigInteger),
)
