"""Tiny questions to a database, asked many times a second on one connection kept for them."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

from sqlalchemy import Engine

from chassis.direct import kept, wrapped, written


class Glances:
    """Queries of one row outside of any transaction.

    A pool, a transaction and a statement object would cost fifty times what such an answer
    does, and the readers of a log look whether there is something new even when it is idle.

    Args:
        engine: Of the database to look at.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._style = engine.dialect.paramstyle
        self._connection: Any = None
        self._turn = Lock()

    def row(self, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """Return the first row that a query finds, empty when it finds none.

        Args:
            statement: SQL with ``:named`` parameters.
            values: Theirs.

        Raises:
            DBAPIError: the driver's error, wrapped; the next look connects anew.
        """
        with self._turn:
            try:
                return self._ask(written(statement, self._style), values)
            except self._engine.dialect.loaded_dbapi.Error as error:
                self._drop()
                raise wrapped(error, self._engine.dialect) from error

    def close(self) -> None:
        """Close the connection."""
        with self._turn:
            self._drop()

    def _ask(self, statement: str, values: Mapping[str, Any]) -> Sequence[Any]:
        if self._connection is None:
            self._connection = kept(self._engine)
        cursor = self._connection.cursor()
        try:
            cursor.execute(statement, dict(values))
            return tuple(cursor.fetchone() or ())
        finally:
            cursor.close()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
