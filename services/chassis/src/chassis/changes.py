"""What an event does to a read model, said as values: which rows, and how each of them changes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Table

Row = Mapping[str, Any]
Fold = Callable[[Row | None], Row | None]


class RowTaken(Exception):
    """A row that should have been new is there already."""


@dataclass(frozen=True, slots=True)
class Change:
    """How some rows of one table change.

    Args:
        table: One of its projection's tables.
        where: Values of columns.  The whole primary key means one row, which may not exist
            yet; fewer or other columns mean every row that has these values.
        fold: Returns the row as it shall be, given it as it is; None stands for no row.
            It must be pure: it runs again when its batch is tried again.
    """

    table: Table
    where: Row
    fold: Fold


Changes = Iterable[Change]


def insert(table: Table, **row: Any) -> Change:
    """Add a row that must be new; its fold raises RowTaken when it is not."""

    def fold(found: Row | None) -> Row:
        if found is not None:
            raise RowTaken(table.name)
        return row

    return Change(table, key_of(table, row), fold)


def keep(table: Table, **row: Any) -> Change:
    """Add a row, or leave the one that has its key as it is."""
    return Change(table, key_of(table, row), lambda found: row if found is None else found)


def put(table: Table, **row: Any) -> Change:
    """Add a row, or put it in the place of the one that has its key."""
    return Change(table, key_of(table, row), lambda _: row)


def update(table: Table, where: Row, **values: Any) -> Change:
    """Set columns of the rows that are there; none is added."""
    return Change(table, where, lambda found: None if found is None else {**found, **values})


def add(table: Table, where: Row, **amounts: int) -> Change:
    """Add amounts to columns of the rows that are there; none is added."""
    return Change(table, where, lambda found: None if found is None else plus(found, amounts))


def delete(table: Table, where: Row) -> Change:
    """Remove rows; harmless when there are none."""
    return Change(table, where, lambda _: None)


def plus(row: Row, amounts: Mapping[str, int]) -> Row:
    """Return a row with amounts added to some of its columns.

    >>> plus({"sku": "tea", "on_hand": 3}, {"on_hand": -1})
    {'sku': 'tea', 'on_hand': 2}
    """
    return {**row, **{name: row[name] + by for name, by in amounts.items()}}


def key_of(table: Table, row: Row) -> dict[str, Any]:
    """Return a row's primary key."""
    return {name: row[name] for name in keys_of(table)}


@cache
def keys_of(table: Table) -> tuple[str, ...]:
    """Return the names of a table's primary key; kept, as every change asks for them."""
    return tuple(column.name for column in table.primary_key)
