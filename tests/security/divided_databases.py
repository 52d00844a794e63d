"""Every service's databases with three roles, and rows of one tenant in every table."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from chassis.database import Database
from chassis.isolation import Roles
from chassis.isolation.securing import Table, tables
from chassis.isolation.shared_tables import TENANT
from chassis.migrations import migrate
from chassis.testing.servers import PrivatePostgreSQL
from chassis.testing.three_roles import Addresses, divided

SERVICES = ("identity", "listening", "campaigns", "commerce", "loop")
KEYS = "chassis.key_store"
OURS, THEIRS = "beta", "acme"
UNIVERSAL = "0e1f7c3a-5b1d-4c62-9d0f-7a4f0c9d2b11"
_COLUMNS = """SELECT a.attname AS name, t.typname AS kind FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = CAST(:table AS regclass)
AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' AND a.attgenerated = ''
ORDER BY a.attnum"""
_VALUES: Mapping[str, Any] = {
    "varchar": "x", "text": "x", "bool": False, "bytea": b"x", "uuid": UNIVERSAL,
    "timestamptz": "2026-01-01T00:00:00Z", "float8": 1.0, "numeric": 1, "json": "{}",
    "jsonb": "{}", "date": "2026-01-01",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Divided:
    """One database, reached as each of its roles."""

    name: str
    owner: Database
    application: Database
    system: Database

    def tables(self) -> list[Table]:
        """Return its tables."""
        with self.owner.read() as db:
            return tables(db)

    def close(self) -> None:
        """Give every connection back."""
        for database in (self.owner, self.application, self.system):
            database.close()


def divided_databases(postgresql: PrivatePostgreSQL) -> Iterator[Divided]:
    """Yield each service's own database, and one of keys, migrated as an operator would."""
    for name in (*SERVICES, KEYS):
        roles = Roles.named(f"sixfold_{name.replace('.', '_')}")
        addresses = divided(postgresql.database(f"divided_{name.replace('.', '_')}"), roles)
        migrate(addresses.owner, name, roles=roles)
        yield _opened(name, addresses)


def fill(divided: Divided) -> Sequence[str]:
    """Write a row of the other tenant into every table that has tenants; return the tables."""
    names = [table.name for table in divided.tables() if table.has_tenant]
    with divided.owner.begin() as db:
        for name in names:
            insert(db, name, THEIRS)
    return names


def insert(db: Connection, table: str, tenant: str) -> int:
    """Write a made-up row of a tenant; return how many that were."""
    found = db.execute(text(_COLUMNS), {"table": table}).mappings()
    row = {column["name"]: _VALUES.get(column["kind"], 1) for column in found}
    row = {**row, TENANT: tenant}
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join(f":{name}" for name in row)
    return db.execute(text(f'INSERT INTO "{table}" ({names}) VALUES ({marks})'), row).rowcount  # noqa: S608


def _opened(name: str, addresses: Addresses) -> Divided:
    return Divided(
        name=name,
        owner=Database(addresses.owner),
        application=Database(addresses.application),
        system=Database(addresses.system),
    )
