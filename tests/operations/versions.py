"""The two versions that meet: the one before, as it is kept in ``previous/``, and this tree."""

import json
import os
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sixfold.parts import LOOP, SERVICES

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "previous"
SOURCES, VERSION = "sources.tar.bz2", "version.json"
PACKAGES = (*SERVICES, LOOP)
KEYS = "chassis.key_store"


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version of every service.

    Args:
        name: ``previous`` or ``current``.
        starts: The command of each role; ``{service}`` stands for the service.
        path: Folders to import from before all others.
    """

    name: str
    starts: Mapping[str, Sequence[str]]
    path: Sequence[Path] = ()

    def argv(self, role: str, service: str) -> list[str]:
        """Return the command that starts a role of a service."""
        return [sys.executable, "-m", *(word.format(service=service) for word in self.starts[role])]

    def environment(self) -> dict[str, str]:
        """Return what makes Python import this version and no other."""
        if not self.path:
            return {}
        return {"PYTHONPATH": os.pathsep.join(map(str, self.path)), "PYTHONSAFEPATH": "1"}


CURRENT = Version(
    name="current",
    starts={
        role: ["chassis.run", role, "{service}"] for role in ("worker", "relay", "migrate", "loop")
    },
)


def kept() -> Mapping[str, Any]:
    """Return what is written down of the version before."""
    found: Mapping[str, Any] = json.loads((KEPT / VERSION).read_text())
    return found


def previous(directory: Path) -> Version:
    """Unpack the version before into a folder."""
    with tarfile.open(KEPT / SOURCES) as archive:
        archive.extractall(directory, filter="data")
    return Version(
        name="previous",
        starts=kept()["starts"],
        path=sorted(directory.glob("services/*/src")),
    )
