"""The partitions of a PostgreSQL log's tables, as the database itself describes them."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection

from chassis import direct

_LISTED = """SELECT child.relname AS name, pg_get_expr(child.relpartbound, child.oid) AS bounds
FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid
WHERE i.inhparent = CAST(:parent AS regclass)"""
_RANGE = re.compile(r"FOR VALUES FROM \('?(-?\d+)'?\) TO \('?(-?\d+)'?\)")


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Partition:
    """A partition of a range: from ``start``, before ``end``."""

    start: int
    end: int
    name: str
    parent: str


def partitions(db: Connection, parent: str) -> list[Partition]:
    """Return a table's partitions that have both bounds, lowest first; none if it has no parts.

    The default partition is left out: it can have anything in it.
    """
    listed = direct.rows(db, _LISTED, {"parent": parent})
    bounded = ((row["name"], _RANGE.fullmatch(row["bounds"])) for row in listed)
    return sorted(
        Partition(start=int(bounds[1]), end=int(bounds[2]), name=name, parent=parent)
        for name, bounds in bounded
        if bounds
    )
