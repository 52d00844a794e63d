"""Where the versions of a read model are kept: the live one, the next and the previous.

PostgreSQL keeps each beside the other in a schema of its own, and a table changes schema with
all its indexes in no time.  SQLite has neither schemas nor a way to rename an index, so there
the other versions are tables with a suffix, and rows are copied.
"""

from enum import StrEnum

from sqlalchemy import Connection, MetaData, Table, inspect, quoted_name, text
from sqlalchemy.schema import CreateSchema

from chassis import checkpoints, parked
from chassis.isolation.copying import take_over
from chassis.projections import Projection


class Side(StrEnum):
    """Which version beside the live one."""

    NEXT = "next"
    PREVIOUS = "previous"


class Version:
    """One version of a read model beside the live one, and its reader's place in the log.

    Args:
        projection: Which read model.
        side: Which version of it.
        sqlite: Whether its database is SQLite.
    """

    def __init__(self, projection: Projection, side: Side, *, sqlite: bool) -> None:
        self.name = f"{projection.name}@{side}"
        self._schema = None if sqlite else f"readmodel_{side}"
        self._tables = {
            table: _suffixed(table, side) if sqlite else _in_schema(table, f"readmodel_{side}")
            for table in projection.tables
        }

    def place(self, table: Table) -> Table:
        """Return where this version keeps the rows of one of the projection's tables."""
        return self._tables[table]

    def exists(self, db: Connection) -> bool:
        """Say whether there is such a version."""
        found = inspect(db)
        return all(found.has_table(kept.name, self._schema) for kept in self._tables.values())

    def create(self, db: Connection) -> None:
        """Make empty tables and a reader that has read nothing, in place of what was there."""
        self.drop(db)
        if self._schema:
            db.execute(CreateSchema(self._schema, if_not_exists=True))
        for table, kept in self._tables.items():
            kept.create(db, checkfirst=False)
            take_over(db, table.name, _name(db, kept))
        checkpoints.announce(db, self.name, checkpoints.WHOLE_LOG)

    def drop(self, db: Connection) -> None:
        """Remove the version, if there is one, with its reader's place and parked events."""
        for kept in self._tables.values():
            db.execute(text(f"DROP TABLE IF EXISTS {_name(db, kept)}"))
        checkpoints.reset(db, self.name)
        parked.forget(db, self.name)


def is_version(reader: str) -> bool:
    """Say whether a reader belongs to a version beside a live read model."""
    return reader.rpartition("@")[2] in set(Side) and "@" in reader


def exchange(
    db: Connection, projection: Projection, candidate: Version, other: Version, position: int
) -> None:
    """Make the candidate the live version and the live one the other, which is lost.

    Args:
        db: A transaction that keeps everybody else out of the live tables.
        projection: Whose versions.
        candidate: There is no such version afterwards.
        other: What the live version is kept as.
        position: Where both stand in the log, so that the live reader's place needs no change.
    """
    if db.dialect.name == "sqlite":
        _copy_around(db, projection, candidate, other)
    else:
        _move_around(db, projection, candidate, other)
    checkpoints.put(db, other.name, position)
    checkpoints.reset(db, candidate.name)
    parked.rename(db, projection.name, other.name)
    parked.rename(db, candidate.name, projection.name)


def _move_around(
    db: Connection, projection: Projection, candidate: Version, other: Version
) -> None:
    prepare = db.dialect.identifier_preparer
    home = prepare.quote(db.scalar(text("SELECT current_schema()")))
    other.drop(db)
    db.execute(CreateSchema(_schema_of(other, projection), if_not_exists=True))
    for table in projection.tables:
        there = prepare.quote(_schema_of(other, projection))
        db.execute(text(f"ALTER TABLE {home}.{prepare.quote(table.name)} SET SCHEMA {there}"))
        db.execute(text(f"ALTER TABLE {_name(db, candidate.place(table))} SET SCHEMA {home}"))


def _copy_around(
    db: Connection, projection: Projection, candidate: Version, other: Version
) -> None:
    other.create(db)
    for table in projection.tables:
        places = (table, other.place(table), candidate.place(table))
        live, kept, new = (_name(db, place) for place in places)
        columns = ", ".join(db.dialect.identifier_preparer.quote(c.name) for c in table.columns)
        for statement in (
            f"INSERT INTO {kept} ({columns}) SELECT {columns} FROM {live}",  # noqa: S608
            f"DELETE FROM {live}",  # noqa: S608
            f"INSERT INTO {live} ({columns}) SELECT {columns} FROM {new}",  # noqa: S608
            f"DROP TABLE {new}",
        ):
            db.execute(text(statement))


def _in_schema(table: Table, schema: str) -> Table:
    return table.to_metadata(MetaData(), schema=schema)


def _suffixed(table: Table, side: Side) -> Table:
    kept = table.to_metadata(MetaData(), name=f"{table.name}@{side}")
    for index in kept.indexes:
        index.name = quoted_name(f"{index.name}@{side}", quote=True)
    return kept


def _schema_of(version: Version, projection: Projection) -> str:
    return str(version.place(projection.tables[0]).schema)


def _name(db: Connection, table: Table) -> str:
    return db.dialect.identifier_preparer.format_table(table)
