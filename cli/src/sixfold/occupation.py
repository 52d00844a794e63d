"""One stack to a directory: a second one would remove what the first one runs on."""

import fcntl
import os
from pathlib import Path
from typing import TextIO


class Occupied(Exception):
    """A stack runs in that directory already."""


class Occupation:
    """The sole use of a directory, kept by a lock on the file ``<directory>.lock`` beside it.

    The system gives the lock back when its process ends, however it ends.
    """

    def __init__(self, directory: Path) -> None:
        self._named = directory
        self._path = directory.absolute().with_name(f"{directory.absolute().name}.lock")
        self._file: TextIO | None = None

    def begin(self) -> None:
        """Take the directory and leave word of who has it.

        Raises:
            Occupied: another stack has it.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Occupied(self._said(file)) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def end(self) -> None:
        """Give the directory back, if it was taken."""
        # The file stays: another stack may have it open already, and would lock what is gone.
        if self._file is not None:
            self._file.close()
            self._file = None

    def _said(self, file: TextIO) -> str:
        with file:
            file.seek(0)
            process = file.read().strip() or "unknown"
        return (
            f"a stack already runs in {self._named} (process {process}); "
            "stop it first, or choose another directory"
        )
