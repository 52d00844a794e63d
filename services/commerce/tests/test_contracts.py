"""What commerce promises others, pinned to files that they can read."""

from pathlib import Path

from chassis import log_schema
from chassis.testing.contracts import assert_contracts
from chassis.testing.migrations import assert_migrations_match
from commerce.tables import metadata

CONTRACTS = Path(__file__).parents[1] / "contracts"


def test_the_contract_files_are_what_the_code_gives() -> None:
    """A consumer would meet a field, a name or a route that nobody announced."""
    assert_contracts("commerce", CONTRACTS)


def test_the_migrations_lead_to_the_tables_in_use(tmp_path: Path) -> None:
    """An installation would lack a column that the code writes."""
    url = f"sqlite:///{tmp_path}/commerce.db"

    assert_migrations_match("commerce", metadata, url, elsewhere=log_schema.TABLES)
