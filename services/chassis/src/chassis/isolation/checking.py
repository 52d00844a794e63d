"""Say why PostgreSQL would not keep tenants apart, as the application sees it and may see it.

Row-level security that is off fails nothing: every answer is right until one statement forgets
its condition.  So the preflight looks, and in production every process before it starts.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from chassis import direct
from chassis.database import Database, translated_errors
from chassis.errors import CannotStart
from chassis.isolation import Roles
from chassis.isolation.securing import Table, has_three_roles, open_policies, tables
from chassis.settings import Settings

_WHO = """SELECT current_user AS name, rolsuper AS super, rolbypassrls AS bypasses,
    EXISTS (SELECT FROM pg_roles r WHERE r.rolname = :system
        AND pg_has_role(current_user, r.oid, 'MEMBER')) AS system,
    ARRAY(SELECT c.relname::text FROM pg_class c WHERE c.relkind IN ('r', 'p')
        AND c.relnamespace = CAST(current_schema() AS regnamespace)
        AND pg_has_role(current_user, c.relowner, 'MEMBER') ORDER BY 1) AS owns,
    (SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database
        WHERE datname = current_database()) AS owner
    FROM pg_roles WHERE rolname = current_user"""
MAKE = "python -m chassis.isolation.creating {service} prints how to make it so"
MIGRATE = "python -m chassis.run migrate {service} as the owner makes policies"


class TenantsNotApart(CannotStart):
    """PostgreSQL would show one tenant's rows to another that a statement forgot to exclude."""

    code = "tenants_not_apart"

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self._reasons = list(reasons)

    @property
    def reasons(self) -> Sequence[str]:
        """Why not, one line each."""
        return self._reasons


def wrong_owner(db: Connection, roles: Roles) -> str | None:
    """Say that a database is not the owner role's, so that migrations make no policies."""
    if has_three_roles(db, roles):
        return None
    return f"the database does not belong to {roles.owner}, so no policies are made"


def unguarded(db: Connection, roles: Roles) -> list[str]:
    """Name the tables with tenants whose policies are missing, not forced, or open."""
    found = [f"{each.name} ({why})" for each in tables(db) if (why := _unguarded(each))]
    wide = open_policies(db, roles)
    return [*found, *(f"{table} ({policy} asks for no tenant)" for table, policy in sorted(wide))]


def around(db: Connection, roles: Roles) -> list[str]:
    """Say what lets whoever is logged in here past the policies; nothing for an application."""
    who = direct.rows(db, _WHO, {"system": roles.system})[0]
    return [
        word
        for word, holds in (
            ("is a superuser", who["super"]),
            ("has BYPASSRLS", who["bypasses"]),
            ("may be the owner", who["owner"] or who["owns"]),
            ("may be the system role", who["system"]),
        )
        if holds
    ]


def ensure_apart(settings: Settings) -> None:
    """Let production start only where its databases keep tenants apart.

    Raises:
        TenantsNotApart: they do not; it says what to do.
    """
    if not settings.production:
        return
    roles = Roles.named(settings.role_names)
    urls = {"DATABASE_URL": settings.database_url, "KEYS_URL": settings.keys_url}
    reasons = [
        f"{name}: {reason}"
        for name, url in urls.items()
        if not url.startswith("sqlite")
        for reason in _reasons(url, roles, settings.service)
    ]
    if reasons:
        raise TenantsNotApart(reasons)


def _reasons(url: str, roles: Roles, service: str) -> list[str]:
    database = Database(url)
    try:
        with translated_errors(), database.engine.connect() as db:
            return list(_all(db, roles, service))
    finally:
        database.close()


def _all(db: Connection, roles: Roles, service: str) -> Iterator[str]:
    make, migrate = MAKE.format(service=service), MIGRATE.format(service=service)
    if owned := wrong_owner(db, roles):
        yield f"{owned}; {make}"
    if open_tables := unguarded(db, roles):
        yield f"no row-level security on {', '.join(open_tables)}; {migrate}"
    if past := around(db, roles):
        yield f"its user {', '.join(past)}; log in as {roles.application}"


def _unguarded(table: Table) -> str | None:
    if not table.has_tenant:
        return None
    if not table.guarded:
        return "not forced"
    return None if "one_tenant" in table.policies else "no policy one_tenant"
