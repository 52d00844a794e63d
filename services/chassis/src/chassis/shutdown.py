"""Leave inside a deadline, whatever hangs; say so first, so that nobody sends more."""

import faulthandler
import threading

from chassis.health import Check, NotReady

DEADLINE_SECONDS = 20.0
_leaving = threading.Event()


def leave_within(seconds: float = DEADLINE_SECONDS) -> None:
    """End this process with exit code 1 if it has not ended by itself in so many seconds.

    Where each thread stood is written to standard error then, without any value, so that one
    knows what hung.  No Python runs for it: neither a hub that is blocked nor a driver that waits
    inside C can hold it up.  What was begun and not committed is undone by the database, and what
    was not acknowledged comes again.
    """
    _leaving.set()
    faulthandler.dump_traceback_later(seconds, exit=True)


def leaving() -> bool:
    """Say whether this process was asked to leave."""
    return _leaving.is_set()


def stays() -> Check:
    """Require that this process was not asked to leave: the first thing to fail when it was."""

    def probe() -> None:
        if leaving():
            raise NotReady("asked to leave")

    return Check(name="stays", probe=probe)
