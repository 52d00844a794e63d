"""The databases of a site, on a small disk where this machine lets us have one."""

from collections.abc import Iterable

import psycopg

from chassis.testing.faultlab.disk import SmallDisk
from chassis.testing.servers import PrivatePostgreSQL

_TABLESPACE = "small_disk"


class Databases:
    """Makes and drops databases.

    Args:
        server: The database server, started.
        disk: What they lie on, if this machine lets us have it.
    """

    def __init__(self, server: PrivatePostgreSQL, disk: SmallDisk) -> None:
        self.server = server
        self.disk = disk

    def prepare(self) -> None:
        """Let new databases lie on the small disk."""
        if self.disk.there:
            self._drop_tablespace()
            self.run(f"CREATE TABLESPACE {_TABLESPACE} LOCATION '{self.disk.folder}'")

    def create(self, name: str) -> str:
        """Make a database and return its address."""
        url = self.server.database(name)
        if self.disk.there:
            self.run(f"ALTER DATABASE {name} SET TABLESPACE {_TABLESPACE}")
        # psycopg2: the one driver that eventlet can make wait without blocking.
        return url.replace("postgresql+psycopg://", "postgresql://")

    def run(self, statement: str, *values: object) -> None:
        """Run one statement of ours as the server's owner."""
        with psycopg.connect(self.server.dsn(), autocommit=True) as db:
            db.execute(statement.encode(), values or None)

    def drop(self, names: Iterable[str]) -> None:
        """Drop databases, and the disk below them."""
        self.disk.free()
        self.server.start()
        for name in names:
            self.server.drop_database(name)
        self._drop_tablespace()
        self.disk.close()

    def _drop_tablespace(self) -> None:
        self.run(f"DROP TABLESPACE IF EXISTS {_TABLESPACE}")
