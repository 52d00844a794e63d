"""Alembic's entry: run revisions on the connection that the caller opened."""

from collections.abc import Collection
from typing import Any

from alembic import context
from sqlalchemy import Connection

given = context.config.attributes
connection: Connection = given["connection"]
elsewhere: Collection[str] = given.get("elsewhere", ())


def include(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Leave tables out whose definition is written by hand in a revision."""
    return kind != "table" or name not in elsewhere


context.configure(
    connection=connection,
    target_metadata=given.get("metadata"),
    include_object=include,
    compare_type=True,
    # One transaction for all on SQLite, where it is what keeps a second job out.
    transactional_ddl=True,
    transaction_per_migration=connection.dialect.name != "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
