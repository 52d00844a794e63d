"""Named points at which a test can kill the process, to show that nothing is lost there.

A point costs one comparison unless ``CRASH_AT`` names it: ``CRASH_AT=publisher.confirmed:3``
kills the process, as ``kill -9`` would, the third time it gets there.
"""

import os
import signal
from collections.abc import Callable
from itertools import count

Hook = Callable[[str], None]


def _from_environment() -> Hook | None:
    wanted, _, nth = os.environ.get("CRASH_AT", "").partition(":")
    return crash_at(wanted, int(nth or 1)) if wanted else None


def crash_at(wanted: str, nth: int = 1) -> Hook:
    """Return a hook that kills this process at the n-th visit of a point."""
    visits = count(1)

    def hook(point: str) -> None:
        if point == wanted and next(visits) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return hook


_hook: Hook | None = _from_environment()


def reach(point: str) -> None:
    """Say that execution got to a named point."""
    if _hook is not None:
        _hook(point)


def set_hook(hook: Hook | None) -> None:
    """Call ``hook`` at every point from now on; it may raise, to simulate a crash."""
    global _hook  # noqa: PLW0603  # one process, one hook
    _hook = hook
