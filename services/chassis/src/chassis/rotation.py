"""Settings as their files have them now: a secret is renewed without a restart.

Only what stands in a file can change while a process runs.  A file that becomes unreadable or
wrong changes nothing: what was read last stays, and the log says so.
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from threading import Lock
from typing import Self

from environs import EnvError, FileAwareEnv

from chassis.logs import get_logger
from chassis.setting_reading import PATHS
from chassis.settings import Settings, SettingsInvalid, from_environment

LOOK_SECONDS = 1.0
_log = get_logger(__name__)
Marks = Mapping[str, tuple[int, ...]]


class Current:
    """The settings of this process, read again when one of their files changes.

    Args:
        settings: As they were read at the start.
        files: What to watch, by the variable that names it.
        read: Reads all settings again; raises SettingsInvalid.
        look_seconds: How often the files are looked at.
    """

    def __init__(
        self,
        settings: Settings,
        files: Mapping[str, Path] | None = None,
        *,
        read: Callable[[], Settings] = from_environment,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._settings = settings
        self._files = dict(files or {})
        self._read = read
        self._look_seconds = look_seconds
        self._marks = _marks(self._files)
        self._due = 0.0
        self._turn = Lock()

    @classmethod
    def watching(cls, settings: Settings) -> Self:
        """Return the current settings of a process that was started with files."""
        names = [field.name.upper() for field in fields(Settings)]
        pointing = [*(f"{name}_FILE" for name in names), *PATHS]
        given = {name: os.environ.get(name, "") for name in pointing}
        return cls(settings, {name: Path(path) for name, path in given.items() if path})

    @property
    def now(self) -> Settings:
        """The settings, no more than a second old."""
        self._look_if_due()
        return self._settings

    @property
    def marks(self) -> Marks:
        """What changes whenever one of the files does."""
        self._look_if_due()
        return self._marks

    def _look_if_due(self) -> None:
        if self._files and time.monotonic() >= self._due:
            self.look()

    def look(self) -> None:
        """Look at the files at once, unless somebody does already."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._due = time.monotonic() + self._look_seconds
            self._compare(_marks(self._files))
        finally:
            self._turn.release()

    def _compare(self, marks: Marks) -> None:
        if marks == self._marks:
            return
        changed = sorted(name for name in self._files if marks.get(name) != self._marks.get(name))
        self._marks = marks
        try:
            self._settings = self._read()
        except SettingsInvalid as invalid:
            _log.error("settings.not_renewed", problems=list(invalid.reasons))
            return
        _log.info("settings.renewed", names=changed)


def _marks(files: Mapping[str, Path]) -> Marks:
    """Return what tells one state of files from another: an orchestrator swaps a link to them."""
    found = {}
    for name, path in files.items():
        try:
            state = path.stat()
        except OSError:
            continue
        found[name] = (state.st_mtime_ns, state.st_ino, state.st_size)
    return found


class RenewedSecret:
    """One secret that is no setting of every service, as its variable or file has it now.

    A file that is away or empty for a moment changes nothing: what was read last stays.

    Args:
        name: The variable; with ``_FILE`` at its end it names a file.

    Raises:
        EnvError: the file cannot be read at the start.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = self._read()

    def __call__(self) -> str:
        """Return the secret; empty where there never was one."""
        with suppress(EnvError, OSError, ValueError):
            self._last = self._read() or self._last
        return self._last

    def _read(self) -> str:
        return str(FileAwareEnv(strip_whitespace=True).str(self._name, ""))
