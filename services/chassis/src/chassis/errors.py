"""Every failure a caller can tell apart, grouped by what the caller should do.

======================  ==================================  ==========================
raise                   meaning                             the edge does
======================  ==================================  ==========================
``Rejected``            a rule said no                      its ``status``; not retried
``Invalid``             the input does not fit its schema   400; not retried
``Conflict``            somebody else wrote first           retried; 409 over HTTP
``Unavailable``         a dependency does not answer        retried; 503 over HTTP
anything else           a defect                            500; parked for a person
======================  ==================================  ==========================
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar


class Rejected(Exception):
    """A rule refused.  Subclasses say which rule, and stand beside it."""

    code: ClassVar[str] = "rejected"
    status: ClassVar[int] = 409
    requirement: ClassVar[str | None] = None


class NotFound(Rejected):
    """What was asked for does not exist for this tenant."""

    code = "not_found"
    status = 404


class Forbidden(Rejected):
    """The caller may not do this."""

    code = "forbidden"
    status = 403


class Invalid(Exception):
    """The input does not fit its schema; nothing was recorded."""

    code: ClassVar[str] = "invalid"

    def __init__(self, problems: Mapping[str, Any] | Sequence[str]) -> None:
        super().__init__(problems)
        self.problems = problems


class Conflict(Exception):
    """The stream moved on since it was read."""

    code: ClassVar[str] = "conflict"


class Stale(Conflict):
    """The version that the caller named is not the stream's; trying again cannot help."""

    code = "stale"


class Unavailable(Exception):
    """A database, broker or peer did not answer in time."""

    code: ClassVar[str] = "unavailable"


class CannotStart(Exception):
    """What this process was told is no ground to start on; says why, never with a secret."""

    code: ClassVar[str] = "cannot_start"

    @property
    def reasons(self) -> Sequence[str]:
        """Why not, one line each."""
        return [str(self)]


class Alarm(Exception):
    """Going on would lose or invent facts; the reader stops until a person has looked."""

    code: ClassVar[str] = "alarm"
