"""Load and write the rows of a batch, a statement for each table and kind of change.

PostgreSQL takes all rows of a statement as one JSON document, which its own row type reads:
no parameter for each value, and no type of a column is said twice.  SQLite binds row by row;
it is in the same process.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Connection, Dialect, Table

from chassis import direct
from chassis.changes import Change, Row, keys_of
from chassis.errors import Conflict
from chassis.folding import Columns, Key, Rows, Wanted, wanted

Convert = Callable[[Any], Any]


def fold_into(
    db: Connection, changes: Sequence[Change], place: Callable[[Table], Table] | None = None
) -> None:
    """Load the rows that changes are about, fold, and write what came of it.

    The rows stay locked until the transaction ends, so what was folded over is what is
    replaced.

    Args:
        db: An open transaction.
        changes: In the order of their events.
        place: Says in which table a table's rows are kept, when not in itself.

    Raises:
        Conflict: somebody else added one of the rows at the same time.
    """
    kept, tables = place or _as_it_is, {}
    for table, parts in wanted(changes).items():
        rows = tables[table] = Rows(table)
        for part in parts:
            rows.load(load(db, kept(table), part))
    for change in changes:
        tables[change.table].fold(change)
    for table, rows in tables.items():
        written = rows.written()
        # What went first: a new row may take the value of a unique column from it.
        _delete(db, kept(table), written.gone)
        _update(db, kept(table), written.changed)
        _insert(db, kept(table), written.new)


def load(db: Connection, table: Table, part: Wanted) -> list[Row]:
    """Return the rows that have one of some values, locked."""
    if db.dialect.name != "sqlite":
        keys = [dict(zip(part.columns, values, strict=True)) for values in part.values]
        return direct.rows(db, _pg_load(table, part.columns, db.dialect), {"rows": _json(keys)})
    into, out = _into(table, db.dialect), _out(table, db.dialect)
    listed = [
        [into[name](value) for name, value in zip(part.columns, key, strict=True)]
        for key in part.values
    ]
    found = direct.rows(db, _sqlite_load(table, part.columns, db.dialect), {"rows": _json(listed)})
    return [{name: out[name](value) for name, value in row.items()} for row in found]


def _insert(db: Connection, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    if db.dialect.name == "sqlite":
        # One writer at a time: what was not there a moment ago still is not.
        direct.execute_many(db, _sqlite_insert(table, db.dialect), _bound(table, db.dialect, rows))
        return
    if direct.execute(db, _pg_insert(table, db.dialect), {"rows": _json(rows)}) != len(rows):
        raise Conflict(f"{table.name} got one of the new rows from somebody else")


def _update(db: Connection, table: Table, rows: Sequence[Row]) -> None:
    if not rows:
        return
    if db.dialect.name == "sqlite":
        direct.execute_many(db, _sqlite_update(table, db.dialect), _bound(table, db.dialect, rows))
    else:
        direct.execute(db, _pg_update(table, db.dialect), {"rows": _json(rows)})


def _delete(db: Connection, table: Table, keys: Sequence[Key]) -> None:
    if not keys:
        return
    rows = [dict(zip(keys_of(table), key, strict=True)) for key in keys]
    if db.dialect.name == "sqlite":
        direct.execute_many(db, _sqlite_delete(table, db.dialect), _bound(table, db.dialect, rows))
    else:
        direct.execute(db, _pg_delete(table, db.dialect), {"rows": _json(rows)})


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def _bound(table: Table, dialect: Dialect, rows: Iterable[Row]) -> list[dict[str, Any]]:
    into = _into(table, dialect)
    return [{name: into[name](value) for name, value in row.items()} for row in rows]


@cache
def _into(table: Table, dialect: Dialect) -> dict[str, Convert]:
    """Return how each column's values are written for a driver that knows only a few types."""
    return {
        column.name: column.type.dialect_impl(dialect).bind_processor(dialect) or _as_it_is
        for column in table.columns
    }


@cache
def _out(table: Table, dialect: Dialect) -> dict[str, Convert]:
    return {
        column.name: column.type.dialect_impl(dialect).result_processor(dialect, None) or _as_it_is
        for column in table.columns
    }


def _as_it_is(value: Any) -> Any:
    return value


def _named(table: Table, dialect: Dialect) -> tuple[str, list[str], list[str]]:
    """Return a table, all its columns and those beside its key, as SQL writes them."""
    prepare, keys = dialect.identifier_preparer, keys_of(table)
    names = [column.name for column in table.columns]
    quoted = [prepare.quote(name) for name in names]
    rest = [prepare.quote(name) for name in names if name not in keys]
    return prepare.format_table(table), quoted, rest


def _same(left: str, right: str, columns: Columns, dialect: Dialect) -> str:
    quoted = [dialect.identifier_preparer.quote(name) for name in columns]
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in quoted)


@cache
def _pg_load(table: Table, columns: Columns, dialect: Dialect) -> str:
    name, every, _ = _named(table, dialect)
    selected = ", ".join(f"t.{column}" for column in every)
    return (
        # The table first: whoever waits for its lock learns then which table has this name.
        f"SELECT {selected} FROM {name} t "  # noqa: S608
        f"JOIN json_populate_recordset(NULL::{name}, :rows) k "
        f"ON {_same('t', 'k', columns, dialect)} FOR UPDATE OF t"
    )


@cache
def _pg_insert(table: Table, dialect: Dialect) -> str:
    name, every, _ = _named(table, dialect)
    columns = ", ".join(every)
    keys = ", ".join(dialect.identifier_preparer.quote(key) for key in keys_of(table))
    return (
        f"INSERT INTO {name} ({columns}) SELECT {columns} "  # noqa: S608
        f"FROM json_populate_recordset(NULL::{name}, :rows) ON CONFLICT ({keys}) DO NOTHING"
    )


@cache
def _pg_update(table: Table, dialect: Dialect) -> str:
    name, _, rest = _named(table, dialect)
    changes = ", ".join(f"{column} = n.{column}" for column in rest)
    return (
        f"UPDATE {name} t SET {changes} "  # noqa: S608
        f"FROM json_populate_recordset(NULL::{name}, :rows) n "
        f"WHERE {_same('t', 'n', keys_of(table), dialect)}"
    )


@cache
def _pg_delete(table: Table, dialect: Dialect) -> str:
    name, _, _ = _named(table, dialect)
    return (
        f"DELETE FROM {name} t USING json_populate_recordset(NULL::{name}, :rows) k "  # noqa: S608
        f"WHERE {_same('t', 'k', keys_of(table), dialect)}"
    )


@cache
def _sqlite_load(table: Table, columns: Columns, dialect: Dialect) -> str:
    name, every, _ = _named(table, dialect)
    quoted = [dialect.identifier_preparer.quote(column) for column in columns]
    # CROSS JOIN keeps SQLite from reading the table once for each key.
    matched = " AND ".join(
        f"t.{column} = json_extract(k.value, '$[{at}]')" for at, column in enumerate(quoted)
    )
    selected = ", ".join(f"t.{column}" for column in every)
    return f"SELECT {selected} FROM json_each(:rows) k CROSS JOIN {name} t ON {matched}"  # noqa: S608


@cache
def _sqlite_insert(table: Table, dialect: Dialect) -> str:
    name, every, _ = _named(table, dialect)
    values = ", ".join(f":{column.name}" for column in table.columns)
    return f"INSERT INTO {name} ({', '.join(every)}) VALUES ({values})"  # noqa: S608


@cache
def _sqlite_update(table: Table, dialect: Dialect) -> str:
    name, _, _ = _named(table, dialect)
    quote, keys = dialect.identifier_preparer.quote, keys_of(table)
    rest = [column.name for column in table.columns if column.name not in keys]
    changes = ", ".join(f"{quote(column)} = :{column}" for column in rest)
    return f"UPDATE {name} SET {changes} WHERE {_is(keys, dialect)}"  # noqa: S608


@cache
def _sqlite_delete(table: Table, dialect: Dialect) -> str:
    name, _, _ = _named(table, dialect)
    return f"DELETE FROM {name} WHERE {_is(keys_of(table), dialect)}"  # noqa: S608


def _is(columns: Columns, dialect: Dialect) -> str:
    quote = dialect.identifier_preparer.quote
    return " AND ".join(f"{quote(column)} = :{column}" for column in columns)
