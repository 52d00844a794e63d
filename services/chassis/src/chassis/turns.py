"""Writers of one SQLite file take turns, threads and processes alike.

SQLite lets a writer that finds the file locked sleep and look again, ever longer: behind a
busy neighbour it starves.  A lock of the operating system wakes the next one at once.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Turns:
    """The right to write to a file; it is given back when its holder dies.

    Args:
        path: Taken and given back here, beside the database; never written to.
        wait: Runs a call that may block for long.
    """

    def __init__(self, path: Path, wait: Callable[..., Any]) -> None:
        self._path = path
        self._wait = wait
        self._threads = threading.Lock()
        self._file: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and keep it until the block ends."""
        with self._threads:
            file = self._opened()
            self._take(file)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file once its turn is over."""
        with self._threads:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file

    def _take(self, file: int) -> None:
        # Mostly it is free, and a thread for waiting would cost more than the lock itself.
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait(fcntl.flock, file, fcntl.LOCK_EX)
