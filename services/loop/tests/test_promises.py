"""What the loop promises others, and its database."""

from pathlib import Path

from chassis import log_schema
from chassis.testing.contracts import assert_contracts
from chassis.testing.migrations import assert_migrations_match
from loop.tables import metadata

CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_the_contract_files_are_what_the_code_gives() -> None:
    """Otherwise somebody who reads the loop's events is surprised."""
    assert_contracts("loop", CONTRACTS)


def test_the_revisions_lead_to_the_tables(tmp_path: Path) -> None:
    """Otherwise the loop starts on a database that its code does not fit."""
    url = f"sqlite:///{tmp_path}/loop.db"
    assert_migrations_match("loop", metadata, url, elsewhere=log_schema.TABLES)
