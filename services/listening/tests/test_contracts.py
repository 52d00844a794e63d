"""What other services and callers were promised, and the tables the code expects."""

from pathlib import Path

from chassis import log_schema
from chassis.testing.contracts import assert_contracts
from chassis.testing.migrations import assert_migrations_match
from listening.tables import metadata

CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_the_contract_files_are_what_the_code_gives() -> None:
    """Another service would meet an event or a route that nobody announced."""
    assert_contracts("listening", CONTRACTS)


def test_migrations_lead_to_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """An upgraded installation would fail at its first query."""
    url = f"sqlite:///{tmp_path}/empty.db"

    assert_migrations_match("listening", metadata, url, elsewhere=log_schema.TABLES)
