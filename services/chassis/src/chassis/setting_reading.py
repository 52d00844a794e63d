"""Reads variables of the environment, or the files that they point at, and notes what is wrong."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from environs import EnvValidationError, FileAwareEnv
from marshmallow import ValidationError

from chassis import setting_texts

PATHS = ("BROKER_CA", "BROKER_CERTIFICATE", "BROKER_KEY", "HTTP_CA")
T = TypeVar("T")
Reader = Callable[..., Any]


class Reading:
    """Reads variable after variable and remembers what was wrong with each."""

    def __init__(self) -> None:
        self._env = FileAwareEnv(eager=False, strip_whitespace=True)
        self._problems: list[str] = []

    def text(self, name: str, parse: Callable[[str], T], **options: Any) -> T | None:
        """Read one variable as text, then parse it; an empty optional one counts as not set."""
        found = self.value(self._env.str, name, **options)
        if not found:
            return None
        try:
            return parse(found)
        except ValidationError as error:
            self._problems.extend(f"{name}: {message}" for message in error.messages)
            return None

    def file(self, name: str) -> Path | None:
        """Read one optional path of a file; with ``_FILE`` behind the name it means the same."""
        found = os.environ.get(f"{name}_FILE") or os.environ.get(name)
        if not found:
            return None
        if not os.access(found, os.R_OK):
            self._problems.append(f"{name}: must name a readable file")
        return Path(found)

    def number(self, name: str) -> float | None:
        """Read one optional number of seconds."""
        return self.text(name, setting_texts.seconds, default=None)

    def value(self, read: Reader, name: str, **options: Any) -> Any:
        """Read one variable; an unreadable file behind it is one more problem."""
        try:
            return read(name, **options)
        except ValueError:
            self._problems.append(f"{name}: {name}_FILE must name a readable text file")
            return None

    def finish(self) -> list[str]:
        """Return every problem found, one line each."""
        try:
            self._env.seal()
        except EnvValidationError as error:
            found = error.error_messages
            named = found.items() if isinstance(found, Mapping) else [("environment", found)]
            self._problems.extend(f"{name}: {line}" for name, lines in named for line in lines)
        return sorted(self._problems)
