"""The migration job of one service: ``python -m chassis.run migrate commerce``."""

from chassis import logs
from chassis.isolation import Roles
from chassis.migrations import migrate
from chassis.settings import from_environment

KEYS = "chassis.key_store"


def main(package: str) -> None:
    """Bring a service's two databases to this build's schema, and its roles to their rights."""
    settings = from_environment()
    logs.configure(settings)
    database, keys = settings.owner_urls
    roles = Roles.named(settings.role_names)
    migrate(database, package, roles=roles)
    migrate(keys, KEYS, roles=roles)
