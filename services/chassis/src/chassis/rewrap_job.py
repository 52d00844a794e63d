"""Wrap a service's subjects' keys with a renewed master key: ``chassis.run rewrap commerce``."""

import sys

from chassis import logs
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.key_store import SqlKeys
from chassis.settings import from_environment


def main(package: str) -> None:
    """Wrap every key with ``MASTER_KEY`` that only ``OTHER_MASTER_KEY`` opens."""
    settings = from_environment()
    logs.configure(settings)
    # Every tenant's keys are wrapped in one go, and only the owner and the system see them all.
    _, owner = settings.owner_urls
    database = Database(owner)
    keys = SqlKeys(
        database,
        master_key=settings.master_key,
        other_key=settings.other_master_key,
        clock=SystemClock(),
    )
    sys.stdout.write(f"{package}: {keys.rewrap()} keys wrapped anew\n")
    database.close()
