"""The facts as relations up to a position vector, and the one form of what a number is made of.

Written with Ibis over tables that need no engine, so the same expressions become
DuckDB's or Spark's SQL.
"""

from dataclasses import fields
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import ibis
from ibis.expr.types import Table

from loop.fact_tables import TABLES, Fact

_TYPES: dict[Any, str] = {str: "string", int: "int64", bool: "boolean"}
KEY = {"service": "!string", "position": "!int64", "n": "!int64"}
CONTRIBUTION = {
    "tenant": "string",
    "service": "string",
    "position": "int64",
    "at": "int64",
    "civil": "boolean",
    "key": "string",
    "part": "string",
    "amount": "int64",
}

HORIZON = ibis.table({"service": "string", "position": "int64"}, name="horizon")
CYCLES = ibis.table(
    {
        "tenant": "string",
        "cycle": "string",
        "start": "int64",
        "stop": "int64",
        "civil_start": "int64",
        "civil_stop": "int64",
    },
    name="cycles",
)


def schema_of(fact: type[Fact]) -> dict[str, str]:
    """Return the columns of a fact's table, its key first."""
    hints = get_type_hints(fact)
    return {**KEY, **{field.name: _type(hints[field.name]) for field in fields(fact)}}


def known(fact: type[Fact]) -> Table:
    """Return the facts of one kind that lie within the position vector."""
    table = ibis.table(schema_of(fact), name=TABLES[fact])
    within = [table.service == HORIZON.service, table.position <= HORIZON.position]
    return table.semi_join(HORIZON, within)


def made_of(
    rows: Table,
    *,
    key: Any = "",
    part: Any = "sum",
    amount: Any = 1,
    at: Any = None,
    civil: bool = False,
) -> Table:
    """Return rows in the one form in which numbers are added up.

    Args:
        rows: With tenant, service, position and ``at``.
        key: Column or text by which the number is broken down.
        part: Column or text that tells a ratio's numerator from its denominator.
        amount: Column or whole number that is added up.
        at: When the row counts, if not at ``rows.at``.
        civil: ``at`` is read off the tenant's wall clock instead of being a moment.
    """
    return rows.select(
        tenant=rows.tenant,
        service=rows.service,
        position=rows.position,
        at=rows.at if at is None else at,
        civil=ibis.literal(civil),
        key=_column(key, "string"),
        part=_column(part, "string"),
        amount=_column(amount, "int64"),
    )


def first_by(rows: Table, *names: str) -> Table:
    """Keep each group's earliest row; ties in time are broken by service and position."""
    order = ibis.window(
        group_by=["tenant", *names], order_by=[rows.at, rows.service, rows.position, rows.n]
    )
    return rows.mutate(nth=ibis.row_number().over(order)).filter(lambda row: row.nth == 0)


def last_by(rows: Table, *names: str) -> Table:
    """Keep the row that was recorded last of each group."""
    order = ibis.window(
        group_by=["tenant", *names], order_by=[rows.position.desc(), rows.service, rows.n]
    )
    return rows.mutate(nth=ibis.row_number().over(order)).filter(lambda row: row.nth == 0)


def together(first: Table, *others: Table) -> Table:
    """Put several relations of the one form under each other."""
    return ibis.union(first, *others) if others else first


def _column(value: Any, kind: str) -> Any:
    return ibis.literal(value, kind) if isinstance(value, str | int) else value.cast(kind)


def _type(hint: Any) -> str:
    if get_origin(hint) is UnionType:
        return _TYPES[get_args(hint)[0]]
    return f"!{_TYPES[hint]}"
