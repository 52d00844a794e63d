"""What a schema no longer offers to code that was written for the one before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """One table: its columns, its key, and what may be there only once."""

    columns: Mapping[str, Mapping[str, Any]]
    key: tuple[str, ...]
    unique: frozenset[tuple[str, ...]]


def shapes_of(db: Connection) -> dict[str, Shape]:
    """Look at every table of a database."""
    looking = inspect(db)
    return {name: _shape(looking, name) for name in looking.get_table_names()}


def taken_away(before: Mapping[str, Shape], after: Mapping[str, Shape]) -> list[str]:
    """Name what the version before would miss, or be refused; nothing for what only adds."""
    gone = [f"table {name} is gone" for name in before.keys() - after.keys()]
    kept = sorted(before.keys() & after.keys())
    return sorted([*gone, *(f"{n}: {what}" for n in kept for what in _lost(before[n], after[n]))])


def _lost(before: Shape, after: Shape) -> Iterator[str]:
    if before.key != after.key:
        yield f"its key was {before.key} and is {after.key}"
    for columns in sorted(after.unique - before.unique):
        yield f"{columns} may be there only once now"
    for name, column in before.columns.items():
        if name not in after.columns:
            yield f"column {name} is gone"
        else:
            yield from _tightened(name, column, after.columns[name])
    for name in after.columns.keys() - before.columns.keys():
        if not after.columns[name]["nullable"] and not after.columns[name]["filled"]:
            yield f"column {name} is new and must be given"


def _tightened(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    if before["type"] != after["type"]:
        yield f"column {name} was {before['type']} and is {after['type']}"
    if before["nullable"] and not after["nullable"]:
        yield f"column {name} may not be empty any more"
    if before["filled"] and not after["filled"] and not after["nullable"]:
        yield f"column {name} is no longer filled by itself"


def _shape(looking: Any, table: str) -> Shape:
    columns = {
        column["name"]: {
            "type": str(column["type"]),
            "nullable": column["nullable"],
            "filled": column["default"] is not None
            or bool(column.get("identity"))
            or column.get("autoincrement") is True,
        }
        for column in looking.get_columns(table)
    }
    constraints = [each["column_names"] for each in looking.get_unique_constraints(table)]
    indexes = [each["column_names"] for each in looking.get_indexes(table) if each["unique"]]
    return Shape(
        columns=columns,
        key=tuple(looking.get_pk_constraint(table)["constrained_columns"]),
        unique=frozenset(tuple(map(str, names)) for names in [*constraints, *indexes]),
    )
