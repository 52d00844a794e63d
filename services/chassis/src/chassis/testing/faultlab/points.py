"""The crash points that a site's processes really come by: noted while they run, not listed."""

import re
import runpy
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import chassis

_REACH = re.compile(r'\breach\(f?"([^"]+)"\)')
WORKER = "worker"


def run_as(module: str, arguments: list[str], before: Callable[[], Any]) -> None:
    """Run a module as ``python -m`` does, after changing something in its process."""
    if WORKER in arguments[:1]:
        import eventlet  # noqa: PLC0415  # must patch first, and only where the worker does

        eventlet.monkey_patch()
    before()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def note_points(file: Path) -> None:
    """Write the name of each crash point into a file when it is first reached."""
    from chassis import faults  # noqa: PLC0415  # after eventlet's patch

    known: set[str] = set()

    def note(point: str) -> None:
        if point not in known:
            known.add(point)
            with file.open("a") as lines:
                lines.write(f"{point}\n")

    faults.set_hook(note)


def noted(file: Path) -> list[str]:
    """Return the points in a file, sorted; none where there is no file yet."""
    return sorted(set(file.read_text().split())) if file.exists() else []


def unreached(seen: Iterable[str]) -> list[str]:
    """Return the chassis's points that nobody came by; what is in braces is filled in."""
    written = {
        point
        for path in Path(chassis.__file__).parent.rglob("*.py")
        for point in _REACH.findall(path.read_text())
    }
    known = list(seen)
    return sorted(point for point in written if not any(_fits(point, name) for name in known))


def _fits(point: str, name: str) -> bool:
    return re.fullmatch(re.sub(r"\\{.*?\\}", ".+", re.escape(point)), name) is not None


if __name__ == "__main__":
    run_as(sys.argv[2], sys.argv[3:], lambda: note_points(Path(sys.argv[1])))
