"""One service of a site: its database, clock and addresses, and what starts its processes."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from chassis.clock import SharedClock
from chassis.database import Database
from chassis.testing.contexts import NOW
from chassis.testing.faultlab.role import Role
from chassis.testing.faultlab.running import python
from chassis.testing.nodes import free_ports

LAB = "chassis.testing.faultlab"
RUN = "chassis.run"
SPARE = "spare"


class Place:
    """One service's database, clock and address.

    Args:
        name: The service, and its package.
        database_url: Where its log is.
        folder: Where its clock is.
        serving: Its roles that answer HTTP, the one that others ask first.
    """

    def __init__(
        self, name: str, database_url: str, keys_url: str, folder: Path, serving: Sequence[str]
    ) -> None:
        self.name = name
        self.database = Database(database_url)
        self.keys_url = keys_url
        self.clock_file = folder / f"{name}.clock"
        self.clock = SharedClock(self.clock_file)
        self.clock.set(NOW)
        roles = [*serving, *(f"{role}.{SPARE}" for role in serving)]
        self.ports = dict(zip(roles, free_ports(len(roles)), strict=True))

    def address(self, role: str = "") -> str:
        """Return where one of its processes answers; the one that others ask unless named."""
        return address(self.ports[role or next(iter(self.ports))])


def address(port: int) -> str:
    """Return the address of a port of this machine."""
    return f"http://127.0.0.1:{port}"


def build(role: Role, service: str, breakage: str = "") -> list[str]:
    """Return what starts a process of a service, or a broken build of it."""
    if breakage:
        return python(f"{LAB}.broken", breakage, RUN, role.runs, service)
    return python(RUN, role.runs, service)


def import_path() -> str:
    """Return where processes find what we found: the subject may lie anywhere."""
    return os.pathsep.join(str(Path(folder).absolute()) for folder in sys.path if folder)
