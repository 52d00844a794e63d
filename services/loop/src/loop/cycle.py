"""The weeks that the loop counts in, and the one byte form of what it counted."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.clock import micros, moment
from chassis.errors import NotFound

TOTAL = "total"
_EVER = 1 << 62
_NAME = re.compile(r"([0-9]{4})-W([0-9]{2})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Cycle:
    """One calendar week of a tenant, Monday to Sunday, or all time.

    Args:
        name: ``2026-W19``, or ``total``.
        start: First microsecond of the week in the tenant's zone.
        stop: First microsecond after it.
        civil_start: Its first midnight as the wall clock shows it.
        civil_stop: The next week's.
    """

    name: str
    start: int
    stop: int
    civil_start: int
    civil_stop: int

    def has(self, at: int, *, civil: bool) -> bool:
        """Say whether a moment, or a reading of the wall clock, falls into it."""
        if civil:
            return self.civil_start <= at < self.civil_stop
        return self.start <= at < self.stop


ALL_TIME = Cycle(name=TOTAL, start=-_EVER, stop=_EVER, civil_start=-_EVER, civil_stop=_EVER)


def zone_of(name: str | None) -> tzinfo:
    """Return a tenant's zone; UTC while it is unknown."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


class UnknownCycle(NotFound):
    """There is no such cycle; weeks are named as in ``2026-W19``."""

    code = "unknown_cycle"


def cycle_named(name: str, zone: tzinfo) -> Cycle:
    """Return a cycle by its name; raises UnknownCycle."""
    if name == TOTAL:
        return ALL_TIME
    found = _NAME.fullmatch(name)
    try:
        year, week = (int(part) for part in found.groups()) if found else (0, 0)
        monday = datetime.fromisocalendar(year, week, 1)
    except ValueError:
        raise UnknownCycle(name) from None
    return _week(monday, zone)


def week_at(at: int, zone: tzinfo, *, civil: bool = False) -> Cycle:
    """Return the week that a moment, or a reading of the wall clock, falls into.

    >>> week_at(micros(datetime(2026, 5, 10, 16, tzinfo=UTC)), ZoneInfo("Asia/Shanghai")).name
    '2026-W20'
    """
    local = moment(at).replace(tzinfo=None) if civil else moment(at).astimezone(zone)
    monday = datetime(local.year, local.month, local.day) - timedelta(days=local.weekday())  # noqa: DTZ001  # a reading of the wall clock
    return _week(monday, zone)


def cycles_of(zone: tzinfo, quarters: Iterable[tuple[int, bool]], quarter: int) -> list[Cycle]:
    """Return all time and every week in which something happened, in order.

    Args:
        zone: The tenant's.
        quarters: When something happened, in whole quarters of an hour, and whether that
            was read off the wall clock.
        quarter: How many microseconds one of them has.
    """
    weeks: dict[str, Cycle] = {}
    last: Cycle | None = None
    for civil, number in sorted((civil, number) for number, civil in quarters):
        at = number * quarter
        if last is not None and last.has(at, civil=civil):
            continue
        try:
            last = week_at(at, zone, civil=civil)
        except OverflowError:
            continue  # outside the calendar: counted in the total only
        weeks[last.name] = last
    return [ALL_TIME, *(weeks[name] for name in sorted(weeks))]


def canonical(outputs: Any) -> bytes:
    """Return the one byte form of outputs: keys sorted, no spaces, no floats.

    >>> canonical({"b": 1, "a": "0.5"})
    b'{"a":"0.5","b":1}'
    """
    text = json.dumps(outputs, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def hash_of(outputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of outputs, in hexadecimal."""
    return hashlib.sha256(canonical(outputs)).hexdigest()


def _week(monday: datetime, zone: tzinfo) -> Cycle:
    after = monday + timedelta(days=7)
    year, week, _ = monday.isocalendar()
    return Cycle(
        name=f"{year:04}-W{week:02}",
        start=micros(monday.replace(tzinfo=zone).astimezone(UTC)),
        stop=micros(after.replace(tzinfo=zone).astimezone(UTC)),
        civil_start=micros(monday.replace(tzinfo=UTC)),
        civil_stop=micros(after.replace(tzinfo=UTC)),
    )
