"""Hear that a PostgreSQL log has grown, from whichever process its sequencer runs in.

What is heard is a hint: notices are lost with their connection, so the listener looks as well.
"""

import select
from typing import Any

from chassis.database import Database, translated_errors
from chassis.direct import wrapped
from chassis.sequencer import CHANNEL


class Ear:
    """Listens on a session of its own.

    Args:
        database: The log's; its sequencer gives notice after each batch.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.engine
        self._opened_with = ""
        self._connection: Any = None

    def wait(self, seconds: float) -> None:
        """Return at a notice, or after so many seconds without one.

        Raises:
            Unavailable: the database does not answer; the next wait connects anew.
        """
        with translated_errors():
            try:
                self._wait(seconds)
            except self._engine.dialect.loaded_dbapi.Error as error:
                self.close()
                raise wrapped(error, self._engine.dialect) from error

    def close(self) -> None:
        """Close the session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _wait(self, seconds: float) -> None:
        if self._opened_with != self._database.address.now():
            self.close()
        if self._connection is None:
            self._connection = self._opened()
        select.select([self._connection], [], [], seconds)
        self._connection.poll()
        self._connection.notifies.clear()

    def _opened(self) -> Any:
        self._opened_with = self._database.address.now()
        pooled = self._engine.raw_connection()
        pooled.detach()  # the pool must not lend a listening session
        connection: Any = pooled.dbapi_connection
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
        return connection
