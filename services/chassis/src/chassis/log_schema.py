"""The tables of a log, for a service's first migration."""

from typing import Any

from chassis import log_postgresql_schema, log_sqlite

TABLES = log_postgresql_schema.TABLES


def create_v1(op: Any) -> None:
    """Create the log's first schema through Alembic's ``op``, for the database at hand."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in log_sqlite.SCHEMA_V1 if sqlite else log_postgresql_schema.SCHEMA_V1:
        op.execute(statement)


def add_hot_functions(op: Any) -> None:
    """Let a log that was made before there were hot streams have them."""
    if op.get_bind().dialect.name != "sqlite":
        for statement in log_postgresql_schema.HOT_FUNCTIONS:
            op.execute(statement)
