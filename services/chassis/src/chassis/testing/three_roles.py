"""A PostgreSQL database as an operator sets it up: an owner, an application and a system role."""

from dataclasses import dataclass

from sqlalchemy import make_url, text

from chassis.database import Database
from chassis.isolation import Roles
from chassis.isolation.creating import database_statements, role_statements, schema_statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Addresses:
    """One database's address, as each of the three roles."""

    owner: str
    application: str
    system: str

    @classmethod
    def same(cls, url: str) -> "Addresses":
        """Return the addresses of a database that has no roles."""
        return cls(owner=url, application=url, system=url)


def divided(url: str, roles: Roles) -> Addresses:
    """Give a database, reached as a superuser, to three roles, and return their addresses."""
    name = str(make_url(url).database)
    database = Database(url)
    with database.begin() as db:
        for statement in (
            *role_statements(roles),
            *database_statements(roles, name),
            *schema_statements(roles),
        ):
            db.execute(text(statement))
    database.close()
    return Addresses(
        owner=_as(url, roles.owner),
        application=_as(url, roles.application),
        system=_as(url, roles.system),
    )


def _as(url: str, role: str) -> str:
    return make_url(url).set(username=role).render_as_string(hide_password=False)
