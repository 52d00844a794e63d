"""The migration job of one service: ``python -m chassis.run migrate commerce``."""

from chassis import logs
from chassis.migrations import migrate
from chassis.settings import from_environment

KEYS = "chassis.key_store"


def main(package: str) -> None:
    """Bring a service's two databases to this build's schema."""
    settings = from_environment()
    logs.configure(settings)
    migrate(settings.database_url, package)
    migrate(settings.keys_url, KEYS)
