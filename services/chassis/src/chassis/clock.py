"""Time as an injected port, so that the past can be run in its own time."""

import mmap
import struct
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Protocol
from zoneinfo import available_timezones

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CELL = struct.Struct("<q")
# Whatever happens in these years can be stored, and any term can be added to it.
FIRST_YEAR, LAST_YEAR = 1970, 2199


class Clock(Protocol):
    """Tells the time, in UTC with microseconds."""

    def now(self) -> datetime:
        """Return the current moment."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current moment."""
        return datetime.now(UTC)


class FixedClock:
    """A clock that moves only when told; for tests and simulations."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._moment

    def set(self, moment: datetime) -> None:
        """Move to ``moment``; it may lie in the past."""
        self._moment = moment

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self._moment += by


class SharedClock:
    """A clock that several processes read from one small file and one process moves.

    The file holds microseconds since 1970 as one aligned 64-bit integer, so a
    reader never sees half a write.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_CELL.pack(0))
        with path.open("r+b") as file:
            self._cell = mmap.mmap(file.fileno(), _CELL.size)

    def now(self) -> datetime:
        """Return the moment the driver last set."""
        return moment(_CELL.unpack(self._cell)[0])

    def set(self, now: datetime) -> None:
        """Move every reader to ``now``."""
        self._cell[:] = _CELL.pack(micros(now))


def clock_from(path: Path | None) -> Clock:
    """Return the shared clock in ``path``, or the machine's own."""
    return SharedClock(path) if path else SystemClock()


def micros(at: datetime) -> int:
    """Return whole microseconds since 1970, without passing through a float.

    >>> micros(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC))
    1000005
    """
    return (at - _EPOCH) // _MICROSECOND


def on_calendar(at: datetime) -> bool:
    """Say whether a moment may enter a log: what could not be read back would block it for ever.

    >>> on_calendar(datetime(9999, 12, 31, tzinfo=UTC))
    False
    """
    # Years alone: comparing in UTC would overflow at the calendar's ends.
    return FIRST_YEAR < at.year < LAST_YEAR or (
        at.year in {FIRST_YEAR, LAST_YEAR} and FIRST_YEAR <= at.astimezone(UTC).year <= LAST_YEAR
    )


def moment(microseconds: int) -> datetime:
    """Return the UTC moment that lies ``microseconds`` after 1970.

    >>> moment(1000005).isoformat()
    '1970-01-01T00:00:01.000005+00:00'
    """
    return _EPOCH + timedelta(microseconds=microseconds)


def moment_or_none(microseconds: int | None) -> datetime | None:
    """Return the moment of a column that may be empty.

    >>> moment_or_none(None)
    """
    return None if microseconds is None else moment(microseconds)


def is_zone(name: str) -> bool:
    """Say whether the time zone database knows a name.

    >>> is_zone("Asia/Taipei"), is_zone("Asia/Lantern")
    (True, False)
    """
    return name in _zones()


@cache
def _zones() -> frozenset[str]:
    """List all zones once in a process: it reads a thousand files, which takes 20 ms."""
    return frozenset(available_timezones())
