"""Alembic's entry: run revisions on the connection that the caller opened."""

from collections.abc import Collection
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection

from chassis.migrations import compatible

given = context.config.attributes
connection: Connection = given["connection"]
elsewhere: Collection[str] = given.get("elsewhere", ())


def include(_thing: Any, name: str | None, kind: str, *_: Any) -> bool:
    """Leave tables out whose definition is written by hand in a revision."""
    return kind != "table" or name not in elsewhere


def say_whom_it_serves(
    ctx: MigrationContext,  # noqa: ARG001  # Alembic gives all four by name
    step: MigrationInfo,
    heads: object,  # noqa: ARG001
    run_args: object,  # noqa: ARG001
) -> None:
    """Let the database say which code still runs on it, in the revision's own transaction."""
    compatible.write(context.script, connection, str(step.up_revision_id))


context.configure(
    connection=connection,
    target_metadata=given.get("metadata"),
    include_object=include,
    compare_type=True,
    on_version_apply=say_whom_it_serves,
    # One transaction for all on SQLite, where it is what keeps a second job out.
    transactional_ddl=True,
    transaction_per_migration=connection.dialect.name != "sqlite",
)
with context.begin_transaction():
    context.run_migrations()
