"""One service of a site: its database, clock and addresses, and what starts its processes."""

import os
import sys
from pathlib import Path

from chassis.clock import SharedClock
from chassis.database import Database
from chassis.testing.contexts import NOW
from chassis.testing.faultlab.running import python
from chassis.testing.nodes import free_ports

LAB = "chassis.testing.faultlab"
SPARE = "spare"


class Place:
    """One service's database, clock and address.

    Args:
        name: The service, and its package.
        database_url: Where its log is.
        folder: Where its clock is.
    """

    def __init__(self, name: str, database_url: str, keys_url: str, folder: Path) -> None:
        self.name = name
        self.database = Database(database_url)
        self.keys_url = keys_url
        self.clock_file = folder / f"{name}.clock"
        self.clock = SharedClock(self.clock_file)
        self.clock.set(NOW)
        self.ports = dict(zip(("worker", f"worker.{SPARE}"), free_ports(2), strict=True))

    def address(self, role: str = "worker") -> str:
        """Return where one of its workers answers."""
        return f"http://127.0.0.1:{self.ports[role]}"


def build(role: str, service: str, breakage: str = "") -> list[str]:
    """Return what starts a process of a service, or a broken build of it."""
    if breakage:
        return python(f"{LAB}.broken", breakage, f"chassis.{role}", service)
    return python(f"chassis.{role}", service)


def import_path() -> str:
    """Return where processes find what we found: the subject may lie anywhere."""
    return os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path if folder)
