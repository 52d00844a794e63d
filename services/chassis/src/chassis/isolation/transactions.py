"""psycopg2 as SQLAlchemy uses it, but a transaction begins, and is bound, in one message.

The driver by itself would send ``BEGIN`` in front of the first statement, and whatever binds the
transaction to a tenant would be one more round trip.  What is bound ends with the transaction: a
connection that goes back to its pool says nothing of the tenant before.
"""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from chassis.isolation import SETTING

DRIVER = "postgresql+sixfold"
_BIND = f"SET LOCAL {SETTING} = %(bound_tenant)s"
_TENANT = "sixfold.tenant"
_ALONE = "sixfold.alone"


class BoundPostgresql(PGDialect_psycopg2):
    """The driver in autocommit, whose transactions are begun and ended by statements of ours."""

    supports_statement_cache = True

    def on_connect(self) -> Any:
        """Return what prepares a new connection."""
        prepare = super().on_connect()  # type: ignore[no-untyped-call]  # SQLAlchemy types it not

        def prepared(connection: Any) -> None:
            connection.autocommit = True
            if prepare is not None:
                prepare(connection)

        return prepared

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        """Refuse: the driver would begin transactions of its own again, bound to nobody."""
        del dbapi_connection
        raise NotImplementedError(f"no {level} here; Database.apart() has no transactions")

    def do_begin(self, dbapi_connection: Any) -> None:
        """Begin a transaction, bound to a tenant if one was given."""
        if dbapi_connection.info.get(_ALONE):
            return
        tenant = dbapi_connection.info.pop(_TENANT, None)
        if tenant is None:
            _run(dbapi_connection, "BEGIN")
        else:
            _run(dbapi_connection, f"BEGIN; {_BIND}", {"bound_tenant": tenant})

    def do_commit(self, dbapi_connection: Any) -> None:
        """End a transaction, if there is one."""
        _end(dbapi_connection, "COMMIT")

    def do_rollback(self, dbapi_connection: Any) -> None:
        """Undo a transaction, if there is one."""
        _end(dbapi_connection, "ROLLBACK")


def bind_next(db: Connection, tenant: str) -> None:
    """Let the next transaction of a connection be bound to a tenant."""
    db.info[_TENANT] = tenant


def bound(statement: str, values: Mapping[str, Any], tenant: str) -> tuple[str, dict[str, Any]]:
    """Return a statement that is a transaction of its own, bound to a tenant, and its values.

    Both go in one message, and PostgreSQL runs what comes in one message as one transaction.
    """
    return f"{_BIND}; {statement}", {**values, "bound_tenant": tenant}


def stand_alone(db: Connection) -> None:
    """Let each statement of a connection be a transaction of its own, unless it says otherwise."""
    db.info[_ALONE] = True


def _end(connection: Any, statement: str) -> None:
    if connection.get_transaction_status() != TRANSACTION_STATUS_IDLE:
        _run(connection, statement)


def _run(connection: Any, statement: str, values: dict[str, str] | None = None) -> None:
    cursor = connection.cursor()
    try:
        cursor.execute(statement, values)
    finally:
        cursor.close()


registry.register("postgresql.sixfold", __name__, BoundPostgresql.__name__)
