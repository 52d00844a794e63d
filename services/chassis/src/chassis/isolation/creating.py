"""What a database's administrator runs once: a service's three roles, and whose its databases are.

``python -m chassis.isolation.creating commerce`` prints it, to be read and then given to ``psql``.
Nothing here needs a superuser: CREATEROLE and CREATEDB will do, or whatever a hosted PostgreSQL
gives its administrator.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence

from chassis.isolation import Roles

_LIMITS = "NOSUPERUSER NOCREATEDB NOCREATEROLE"


def role_statements(roles: Roles) -> Iterator[str]:
    """Yield what makes the roles that are missing, without passwords; once for a whole server."""
    for role in (roles.owner, roles.application, roles.system):
        yield f"""DO $$ BEGIN
    CREATE ROLE {role} LOGIN {_LIMITS};
EXCEPTION WHEN duplicate_object THEN NULL; END $$"""
    # Whoever hands a database over must belong to whom it is handed to.
    yield f"GRANT {roles.owner} TO CURRENT_USER"


def database_statements(roles: Roles, database: str) -> Iterator[str]:
    """Yield what makes a database the owner's, and lets nobody but the three in."""
    yield f'ALTER DATABASE "{database}" OWNER TO {roles.owner}'
    yield f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC'
    yield f'GRANT CONNECT ON DATABASE "{database}" TO {roles.application}, {roles.system}'


def schema_statements(roles: Roles) -> Iterator[str]:
    """Yield what has to be said inside each database."""
    yield "REVOKE ALL ON SCHEMA public FROM PUBLIC"
    yield f"GRANT ALL ON SCHEMA public TO {roles.owner}"
    yield f"GRANT USAGE ON SCHEMA public TO {roles.application}, {roles.system}"


def script(roles: Roles, databases: Sequence[str]) -> str:
    """Return all of it for ``psql``.

    >>> print(script(Roles.named("shop"), ["shop"]).splitlines()[-1])
    GRANT USAGE ON SCHEMA public TO shop_application, shop_system;
    """
    each = (roles.owner, roles.application, roles.system)
    lines = [
        "\\set ON_ERROR_STOP on",
        *_ended(role_statements(roles)),
        *(f"-- Its password: \\password {role}" for role in each),
    ]
    for database in databases:
        lines += [
            f"SELECT 'CREATE DATABASE \"{database}\"' WHERE NOT EXISTS (",
            f"    SELECT FROM pg_database WHERE datname = '{database}') \\gexec",
            *_ended(database_statements(roles, database)),
            f'\\connect "{database}"',
            *_ended(schema_statements(roles)),
        ]
    return "\n".join(lines)


def _ended(statements: Iterator[str]) -> Iterator[str]:
    return (f"{statement};" for statement in statements)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chassis.isolation.creating")
    parser.add_argument("service")
    parser.add_argument("--roles", help="what their names begin with; sixfold_<service>")
    parser.add_argument("--database", help="the service's own; named as the service")
    parser.add_argument("--keys", help="the subjects' keys'; <service>_keys")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the script of one service."""
    asked = _parser().parse_args(arguments)
    roles = Roles.named(asked.roles or f"sixfold_{asked.service}")
    databases = [asked.database or asked.service, asked.keys or f"{asked.service}_keys"]
    sys.stdout.write(script(roles, databases) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
