"""The tables that migrations make are the tables that the code uses."""

from pathlib import Path

from chassis import log_schema
from chassis.testing.migrations import assert_migrations_match
from identity.tables import metadata


def test_migrations_lead_to_the_tables_in_use(tmp_path: Path) -> None:
    """A new installation would otherwise fail at its first request."""
    url = f"sqlite:///{tmp_path}/identity.db"
    assert_migrations_match("identity", metadata, url, elsewhere=log_schema.TABLES)
