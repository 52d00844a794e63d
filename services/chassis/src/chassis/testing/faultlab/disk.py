"""A small disk for the services' databases, where root may have one: it can be filled up."""

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from chassis.testing.servers import postgres_account

SIZE = "192m"
_BLOCK = bytes(1 << 20)


class SmallDisk:
    """A file system of its own in memory; ``there`` says whether this machine let us have it.

    Args:
        size: As ``mount`` takes it.
    """

    def __init__(self, size: str = SIZE) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sixfold-small-disk-"))
        self.there = os.geteuid() == 0 and self._run("mount", "-t", "tmpfs", "-o", f"size={size}",
                                                     "tmpfs")  # fmt: skip
        if self.there:
            account = postgres_account()
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        self._balloon = self.folder / "balloon"

    def fill(self) -> None:
        """Leave no room."""
        with suppress(OSError), self._balloon.open("wb", buffering=0) as balloon:
            while balloon.write(_BLOCK):
                pass

    def free(self) -> None:
        """Give the room back."""
        self._balloon.unlink(missing_ok=True)

    def close(self) -> None:
        """Throw it away."""
        if self.there:
            self._run("umount")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, *command: str) -> bool:
        words = [*command, str(self.folder)]
        return subprocess.run(words, capture_output=True, check=False).returncode == 0
