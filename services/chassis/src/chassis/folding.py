"""Fold a batch of changes over rows in memory: what to load first, and what to write afterwards."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table

from chassis.changes import Change, Row, keys_of

Key = tuple[Any, ...]
Columns = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Rows to load of one table: those that have one of these values in these columns."""

    columns: Columns
    values: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Written:
    """How one table differs after a batch: rows that are new, rows that changed, keys that went."""

    new: Sequence[Row]
    changed: Sequence[Row]
    gone: Sequence[Key]


def wanted(changes: Iterable[Change]) -> dict[Table, list[Wanted]]:
    """Return what has to be loaded before a batch can be folded."""
    found: dict[Table, dict[Columns, dict[Key, None]]] = defaultdict(lambda: defaultdict(dict))
    for change in changes:
        found[change.table][tuple(change.where)][tuple(change.where.values())] = None
    return {
        table: [Wanted(columns, list(values)) for columns, values in groups.items()]
        for table, groups in found.items()
    }


@dataclass(slots=True)
class Rows:
    """The rows of one table that a batch touches.

    Args:
        table: Whose.
        before: As they were loaded, by primary key.
        now: As the changes so far leave them; None where one went.
    """

    table: Table
    before: dict[Key, Row] = field(default_factory=dict)
    now: dict[Key, Row | None] = field(default_factory=dict)
    _keys: Columns = field(init=False)
    _blank: Row = field(init=False)
    _found: dict[Columns, dict[Key, set[Key]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Look up once what is asked for with each change."""
        self._keys = keys_of(self.table)
        self._blank = dict.fromkeys(column.name for column in self.table.columns)

    def load(self, rows: Iterable[Row]) -> None:
        """Take rows as the table has them."""
        for row in rows:
            key = self._key(row)
            self.before[key] = self.now[key] = row

    def fold(self, change: Change) -> None:
        """Change the rows that a change is about."""
        columns = tuple(change.where)
        if columns == self._keys:
            self._set(tuple(change.where.values()), change)
        elif set(columns) >= set(self._keys):
            self._set(self._key(change.where), change)
        else:
            for key in sorted(self._matching(columns, tuple(change.where.values())), key=repr):
                self._set(key, change)

    def written(self) -> Written:
        """Return what the changes amount to; a row that is as it was is not written."""
        new, changed, gone = [], [], []
        for key, row in self.now.items():
            before = self.before.get(key)
            if row is None:
                gone.extend([key] if before else [])
            elif before is None:
                new.append({**self._blank, **row})
            elif row is not before and (whole := {**self._blank, **row}) != before:
                changed.append(whole)
        return Written(new, changed, gone)

    def _set(self, key: Key, change: Change) -> None:
        old = self.now.get(key)
        row = change.fold(old)
        if row is old:
            return
        self.now[key] = row
        for columns, index in self._found.items():
            if old is not None:
                index[_values(old, columns)].discard(key)
            if row is not None:
                index[_values(row, columns)].add(key)

    def _matching(self, columns: Columns, values: Key) -> set[Key]:
        """Return the keys of the rows that have these values; looked up, not searched for."""
        if columns not in self._found:
            index: dict[Key, set[Key]] = defaultdict(set)
            for key, row in self.now.items():
                if row is not None:
                    index[_values(row, columns)].add(key)
            self._found[columns] = index
        return set(self._found[columns].get(values, ()))

    def _key(self, row: Row) -> Key:
        return _values(row, self._keys)


def _values(row: Row, columns: Columns) -> Key:
    return tuple([row.get(name) for name in columns])
