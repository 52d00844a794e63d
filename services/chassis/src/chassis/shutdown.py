"""Leave inside a deadline, whatever hangs."""

import faulthandler

DEADLINE_SECONDS = 20.0


def leave_within(seconds: float = DEADLINE_SECONDS) -> None:
    """End this process with exit code 1 if it has not ended by itself in so many seconds.

    Where each thread stood is written to standard error then, without any value, so that one
    knows what hung.  No Python runs for it: neither a hub that is blocked nor a driver that waits
    inside C can hold it up.  What was begun and not committed is undone by the database, and what
    was not acknowledged comes again.
    """
    faulthandler.dump_traceback_later(seconds, exit=True)
