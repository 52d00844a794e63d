"""The peers' own environment, and the figures that programs in it report."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from os import environ
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_LOCK = _ROOT / "requirements" / "bench-peers.txt"
_ENVIRONMENT = _ROOT / ".run" / "bench-peers"
_SECONDS = 120


class PeerFailed(Exception):
    """A peer's program ended without a figure; the message is what it said last."""


def peers_python() -> Path:
    """Return the interpreter that has the peers, made from their lock when that changed."""
    python, stamp = _ENVIRONMENT / "bin" / "python", _ENVIRONMENT / ".locked"
    locked = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != locked:
        _run([sys.executable, "-m", "venv", "--clear", str(_ENVIRONMENT)])
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([str(python), *install, "--require-hashes", "-r", str(_LOCK)])
        stamp.write_text(locked)
    return python


def figure_of(program: Path, settings: Mapping[str, str]) -> float:
    """Run a program in the peers' environment and return the number on its last line.

    Args:
        program: A Python file that imports nothing of ours.
        settings: Added to its environment variables.

    Raises:
        PeerFailed: it failed, or printed no number.
    """
    return _figure([str(peers_python()), str(program)], settings)


def figure_of_process(module: str, *arguments: str) -> float:
    """Run one of our own modules in a process of its own and return the number on its last line.

    Raises:
        PeerFailed: it failed, or printed no number.
    """
    return _figure([sys.executable, "-W", "ignore", "-m", module, *arguments])


def _figure(command: list[str], settings: Mapping[str, str] | None = None) -> float:
    return float(json.loads(_run(command, settings).splitlines()[-1]))


def _run(command: list[str], settings: Mapping[str, str] | None = None) -> str:
    ended = subprocess.run(  # noqa: S603  # our own programs
        command,
        env={**environ, **(settings or {})},
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if ended.returncode:
        raise PeerFailed(ended.stderr[-2000:])
    return ended.stdout
