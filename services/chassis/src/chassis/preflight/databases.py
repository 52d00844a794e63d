"""What a service's databases must be like."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, make_url, text

from chassis.database import translated_errors
from chassis.isolation import Roles
from chassis.isolation.checking import MAKE, MIGRATE, around, unguarded, wrong_owner
from chassis.migrations import SchemaNewer, SchemaOlder, ensure_current, opened
from chassis.preflight.findings import Check, Failed
from chassis.settings import Settings

OLDEST = 140_000
SKEW_SECONDS = 2.0
KEYS = "chassis.key_store"
_ROLE = """SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
    has_schema_privilege(current_user, 'public', 'CREATE') AS creates
    FROM pg_roles WHERE rolname = current_user"""
_TOO_MUCH = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication")
_SAME = """SELECT current_database(), pg_postmaster_start_time(),
    (SELECT oid FROM pg_database WHERE datname = current_database())"""


def database_checks(settings: Settings) -> list[Check]:
    """Return the checks of the log's database and the keys'."""
    checks: list[Check] = []
    for name, url, package in (
        ("database", settings.database_url, settings.service),
        ("keys database", settings.keys_url, KEYS),
    ):
        if url.startswith("sqlite"):
            checks.append(
                Check(name=name, rule="PostgreSQL in production", look=_embedded(settings))
            )
            continue
        checks += _server_checks(name, url, settings)
        checks.append(_schema_check(name, url, package))
        checks += _apart_checks(name, url, settings)
    if not settings.database_url.startswith("sqlite"):
        checks += [*_role_checks(settings), _apart(settings)]
    return checks


def _embedded(settings: Settings) -> Callable[[], str]:
    def look() -> str:
        if settings.production:
            raise Failed("a SQLite file", "give DATABASE_URL and KEYS_URL a postgresql:// address")
        return "a SQLite file, on one machine"

    return look


def _server_checks(name: str, url: str, settings: Settings) -> Iterator[Check]:
    def asked(look: Callable[[Connection], str]) -> Callable[[], str]:
        def run() -> str:
            with translated_errors(), opened(url) as db:
                return look(db)

        return run

    yield Check(name=f"{name} reachable", rule="PostgreSQL 14 or newer", look=asked(_version))
    yield Check(name=f"{name} encoding", rule="UTF8", look=asked(_encoding))
    yield Check(name=f"{name} durable", rule="what is committed survives", look=asked(_durable))
    yield Check(
        name=f"{name} clock", rule=f"within {SKEW_SECONDS:g} s of this process", look=asked(_skew)
    )
    yield Check(
        name=f"{name} encrypted",
        rule="sslmode=verify-full in production",
        look=asked(lambda db: _encrypted(db, url, settings)),
    )


def _version(db: Connection) -> str:
    number, shown = int(_shown(db, "server_version_num")), _shown(db, "server_version")
    if number < OLDEST:
        raise Failed(f"PostgreSQL {shown}", "upgrade the server to 14 or newer")
    return f"PostgreSQL {shown}"


def _encoding(db: Connection) -> str:
    found = _shown(db, "server_encoding")
    if found != "UTF8":
        raise Failed(found, "make the database anew with ENCODING 'UTF8' TEMPLATE template0")
    return found


def _durable(db: Connection) -> str:
    wrong = [
        f"{name} is off"
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if _shown(db, name) == "off"
    ]
    if wrong:
        raise Failed(", ".join(wrong), "switch it on in postgresql.conf and for the role")
    return "fsync, full_page_writes, synchronous_commit"


def _skew(db: Connection) -> str:
    before = datetime.now(UTC)
    there: datetime = db.execute(text("SELECT clock_timestamp()")).scalar_one()
    after = datetime.now(UTC)
    apart = max((before - there).total_seconds(), (there - after).total_seconds(), 0.0)
    if apart > SKEW_SECONDS:
        raise Failed(f"{apart:.1f} s apart", "let both machines follow one time server")
    return f"{apart:.1f} s apart"


def _encrypted(db: Connection, url: str, settings: Settings) -> str:
    at = make_url(url)
    if not at.host and "/" in str(at.query.get("host", "/")):
        return "a socket of this machine"
    mode = str(at.query.get("sslmode", "prefer"))
    uses = db.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar()
    if settings.production and not (uses and mode == "verify-full"):
        told = "add ?sslmode=verify-full&sslrootcert=/path/of/the/authority.pem to the address"
        raise Failed(f"sslmode={mode}, {'encrypted' if uses else 'in the clear'}", told)
    return f"sslmode={mode}, {'encrypted' if uses else 'in the clear'}"


def _schema_check(name: str, url: str, package: str) -> Check:
    def look() -> str:
        try:
            with translated_errors():
                ensure_current(url, package)
        except SchemaOlder as older:
            return f"{older}; migrate will bring it there"
        except SchemaNewer as newer:
            raise Failed(str(newer), "install this build's version or a newer one") from newer
        with opened(url) as db:
            return f"at {MigrationContext.configure(db).get_current_revision()}"

    return Check(name=f"{name} schema", rule="at this build's revision or behind", look=look)


def _apart_checks(name: str, url: str, settings: Settings) -> Iterator[Check]:
    roles = Roles.named(settings.role_names)

    def owned() -> str:
        with translated_errors(), opened(url) as db:
            wrong = wrong_owner(db, roles)
        if wrong and settings.production:
            raise Failed(wrong, MAKE.format(service=settings.service))
        return f"{wrong}; production needs them" if wrong else f"{roles.owner}'s"

    def guarded() -> str:
        with translated_errors(), opened(url) as db:
            wrong = unguarded(db, roles)
            kept = not wrong_owner(db, roles)
        if wrong and (kept or settings.production):
            raise Failed(f"off on {', '.join(wrong)}", MIGRATE.format(service=settings.service))
        return f"off on {len(wrong)} tables; production needs it" if wrong else "forced"

    yield Check(
        name=f"{name} owner",
        rule="it belongs to the owner role, so that migrations make policies",
        look=owned,
    )
    yield Check(
        name=f"{name} policies",
        rule="row-level security is forced on every table with tenants, and asks for one",
        look=guarded,
        later="migrate makes them",
    )


def _role_checks(settings: Settings) -> Iterator[Check]:
    rule = "each role has what it needs and no more"
    urls = {"application": settings.database_url, "keys application": settings.keys_url}
    if settings.system_url != settings.database_url:
        urls["system"] = settings.system_url
    for name, url in urls.items():
        yield Check(name=f"{name} role", rule=rule, look=_looking(name, url, settings))
    if settings.migration_database_url is not None:
        yield Check(name="owner role", rule=rule, look=_owning(settings.migration_database_url))


def _looking(name: str, url: str, settings: Settings) -> Callable[[], str]:
    def look() -> str:
        role = _role(url)
        wrong = [each.removeprefix("rol") for each in _TOO_MUCH if role[each]]
        if name != "system":
            with translated_errors(), opened(url) as db:
                wrong += around(db, Roles.named(settings.role_names))
        if role["creates"]:
            wrong.append("create in schema public")
        if wrong:
            told = (
                f"take it away: ALTER ROLE {role['rolname']} NO..., REVOKE the roles it is in and "
                "CREATE ON SCHEMA public; or log in as the role that creating printed"
            )
            raise Failed(f"{role['rolname']} may too much: {', '.join(wrong)}", told)
        return str(role["rolname"])

    return look


def _owning(url: str) -> Callable[[], str]:
    def look() -> str:
        role = _role(url)
        if not role["creates"]:
            told = f"GRANT CREATE ON SCHEMA public TO {role['rolname']}"
            raise Failed(f"{role['rolname']} may not make tables", told)
        return str(role["rolname"])

    return look


def _role(url: str) -> Mapping[str, Any]:
    with translated_errors(), opened(url) as db:
        return dict(db.execute(text(_ROLE)).mappings().one())


def _apart(settings: Settings) -> Check:
    def look() -> str:
        with translated_errors(), opened(settings.database_url) as db:
            here = tuple(db.execute(text(_SAME)).one())
        with translated_errors(), opened(settings.keys_url) as db:
            there = tuple(db.execute(text(_SAME)).one())
        if here == there:
            raise Failed(f"both are {here[0]}", "give the keys a database of their own")
        return f"{here[0]} and {there[0]}"

    rule = "the subjects' keys are in another database, outside ordinary backups"
    return Check(name="keys apart", rule=rule, look=look)


def _shown(db: Connection, name: str) -> str:
    return str(db.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one())
