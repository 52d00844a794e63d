"""What commerce promises others, pinned to files that they can read."""

from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import TableClause, column, insert, table, text
from sqlalchemy.sql.dml import Insert

from chassis import log_schema
from chassis.migrations import config_for, migrate, opened
from chassis.testing.contracts import assert_contracts
from chassis.testing.migrations import assert_migrations_match
from commerce.tables import metadata

CONTRACTS = Path(__file__).parents[1] / "contracts"


def _into(name: str, **values: Any) -> Insert:
    of: TableClause = table(name, *map(column, values))
    return insert(of).values(values)


def test_the_contract_files_are_what_the_code_gives() -> None:
    """A consumer would meet a field, a name or a route that nobody announced."""
    assert_contracts("commerce", CONTRACTS)


def test_an_order_that_was_called_off_before_is_known_as_such(tmp_path: Path) -> None:
    """The money report would wait for ever for orders that ended before it knew of that."""
    url = f"sqlite:///{tmp_path}/commerce.db"
    with opened(url) as db:
        command.upgrade(config_for("commerce", connection=db), "0004")
        for name, status in (("o1", "cancelled"), ("o2", "placed")):
            order = {"tenant": "acme", "order_id": name, "currency": "TWD", "total": 1}
            shown = {"placed_at": 1, "platform": "x", "property": "x", "mode": "web"}
            counts = dict.fromkeys(("returned", "captured", "refunding", "refunded"), 0)
            db.execute(_into("order_board", **order, **shown, status=status))
            db.execute(_into("money_of_orders", **order, **counts, stands=False))
        db.commit()

    migrate(url, "commerce")

    with opened(url) as db:
        found = db.execute(text("SELECT order_id, called_off FROM money_of_orders ORDER BY 1"))
        assert [tuple(row) for row in found] == [("o1", 1), ("o2", 0)]


def test_the_migrations_lead_to_the_tables_in_use(tmp_path: Path) -> None:
    """An installation would lack a column that the code writes."""
    url = f"sqlite:///{tmp_path}/commerce.db"

    assert_migrations_match("commerce", metadata, url, elsewhere=log_schema.TABLES)
