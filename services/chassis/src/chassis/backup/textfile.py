"""What monitoring is told of backups: files for a Prometheus textfile collector.

Each kind of job has a file of its own, so that none overwrites another's numbers.  A failed run
keeps the moment of the last success, which is what alerts look at.
"""

import re
from collections.abc import Mapping
from pathlib import Path

MEANINGS = {
    "last_run_ok": "Whether the last run succeeded",
    "last_run_timestamp_seconds": "When the last run ended",
    "last_success_timestamp_seconds": "When the last run that succeeded ended",
    "duration_seconds": "How long the last run took",
    "size_bytes": "Size of the newest backup",
    "taken_timestamp_seconds": "The moment that the newest backup shows",
    "oldest_timestamp_seconds": "When the oldest backup that is kept was made",
    "kept": "How many backups are kept",
    "events": "Events in the newest backup",
}
_LINE = re.compile(r"^(?P<name>sixfold_\w+) (?P<value>\S+)$", re.MULTILINE)


def write(folder: Path | None, job: str, *, ok: bool, ended: float, **values: float) -> None:
    """Say how a run went.

    Args:
        folder: The collector's; None where nobody looks.
        job: ``backup``, ``key_backup`` or ``drill``: a part of every metric's name.
        ok: Whether it succeeded.
        ended: When, in seconds since 1970.
        values: What else is known, by the rest of the metric's name.
    """
    if folder is not None:
        success = {"last_success_timestamp_seconds": ended} if ok else {}
        run = {"last_run_ok": float(ok), "last_run_timestamp_seconds": ended, **success}
        note(folder, job, **run, **values)


def note(folder: Path, job: str, **values: float) -> None:
    """Change some of a job's values."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sixfold_{job}.prom"
    part = path.with_suffix(".part")
    part.write_text(_rendered(job, {**_known(path, job), **values}))
    part.replace(path)  # whoever collects never sees half a file


def _known(path: Path, job: str) -> dict[str, float]:
    """Return what the file says since an earlier run."""
    text = path.read_text() if path.exists() else ""
    start = f"sixfold_{job}_"
    found = {each["name"].removeprefix(start): each["value"] for each in _LINE.finditer(text)}
    return {name: float(value) for name, value in found.items() if name in MEANINGS}


def _rendered(job: str, values: Mapping[str, float]) -> str:
    lines = []
    for name in sorted(values):
        full = f"sixfold_{job}_{name}"
        lines += [f"# HELP {full} {MEANINGS[name]}.", f"# TYPE {full} gauge"]
        lines.append(f"{full} {float(values[name])!r}")
    return "\n".join(lines) + "\n"
