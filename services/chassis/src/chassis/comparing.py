"""Compare two versions of a read model row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table

from chassis import direct

SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A row that is not the same in both versions.

    Args:
        key: Its primary key, as text.
        columns: By name: what the live version has, what the next has; every column of a row
            that only one of them has, with None for the other.
    """

    table: str
    key: Mapping[str, str]
    only_in: str | None
    columns: Mapping[str, tuple[str | None, str | None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """What a comparison found.

    Args:
        position: Where both versions stood in the log.
        rows: How many rows the live version has.
        differing: How many rows are not the same.
        first: The first of them, by table and key.
        parked: How many events the next version could not fold.
    """

    position: int
    rows: int
    differing: int
    first: Sequence[Difference]
    parked: int

    @property
    def equal(self) -> bool:
        """Whether nothing is different and nothing was left out."""
        return not self.differing and not self.parked


def count_rows(db: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return int(direct.scalar(db, f"SELECT count(*) FROM {_name(db, table)}"))  # noqa: S608


def count_differing(db: Connection, live: Table, other: Table) -> int:
    """Return how many rows of two tables of one shape are not the same."""
    return int(direct.scalar(db, f"SELECT count(*) {_differing(db, live, other)}"))


def differences(
    db: Connection, live: Table, other: Table, *, limit: int = SHOWN
) -> list[Difference]:
    """Return the first rows that are not the same, by key."""
    names = [column.name for column in live.columns]
    keys = [column.name for column in live.primary_key]
    quote = db.dialect.identifier_preparer.quote
    shown = ", ".join(
        f"CAST({side}.{quote(name)} AS TEXT) AS {side}_{at}"
        for at, name in enumerate(names)
        for side in ("l", "o")
    )
    order = ", ".join(f"coalesce(l.{quote(key)}, o.{quote(key)})" for key in keys)
    found = direct.rows(
        db,
        f"SELECT {shown} {_differing(db, live, other)} ORDER BY {order} LIMIT :limit",
        {"limit": limit},
    )
    return [_difference(live, names, keys, row) for row in found]


def _difference(
    table: Table, names: Sequence[str], keys: Sequence[str], row: Mapping[str, Any]
) -> Difference:
    pairs = {name: (row[f"l_{at}"], row[f"o_{at}"]) for at, name in enumerate(names)}
    missing = [all(pairs[key][side] is None for key in keys) for side in (0, 1)]
    return Difference(
        table=table.name,
        key={key: pairs[key][0] if pairs[key][0] is not None else pairs[key][1] for key in keys},
        only_in="next" if missing[0] else "live" if missing[1] else None,
        columns={
            name: pair for name, pair in pairs.items() if name not in keys and pair[0] != pair[1]
        },
    )


def _differing(db: Connection, live: Table, other: Table) -> str:
    """Return the FROM clause of the rows that are not the same: only these leave the database."""
    quote = db.dialect.identifier_preparer.quote
    same = " AND ".join(f"l.{quote(key.name)} = o.{quote(key.name)}" for key in live.primary_key)
    differ = " OR ".join(
        # As text: PostgreSQL's json has no equality.
        f"CAST(l.{quote(column.name)} AS TEXT) IS DISTINCT FROM "
        f"CAST(o.{quote(column.name)} AS TEXT)"
        for column in live.columns
    )
    if db.dialect.name == "sqlite":
        differ = differ.replace("IS DISTINCT FROM", "IS NOT")
    return f"FROM {_name(db, live)} l FULL JOIN {_name(db, other)} o ON {same} WHERE {differ}"


def _name(db: Connection, table: Table) -> str:
    return db.dialect.identifier_preparer.format_table(table)
