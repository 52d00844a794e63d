"""Shop journeys from CSV: who came when, by which channel, what they did and bought.

The columns are user_id, session_id, event, timestamp, platform (the device),
acquisition_channel, user_cohort and user_lifecycle.  Goods, prices, and the zone of the
timestamps are not in such a file: the caller says them, and the demonstration's are synthetic.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from itertools import groupby

from chassis.tables_csv import BadRow, Layout, Record, read_table

LAYOUT = Layout(
    required=(
        "user_id", "session_id", "event", "timestamp", "platform", "acquisition_channel",
        "user_cohort", "user_lifecycle",
    ),
    default_longest=100,
)  # fmt: skip
PURCHASE, PAYMENT_ERROR, SUPPORT_CHAT, ADD_TO_CART = (
    "purchase", "payment_error", "support_chat", "add_to_cart",
)  # fmt: skip
_MOST_LINES = 3
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One event of one visit, in UTC."""

    line: int
    user: str
    session: str
    event: str
    at: datetime
    device: str
    channel: str
    cohort: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """What one user did in one session: the rows in their own order."""

    session: str
    user: str
    channel: str
    device: str
    rows: Sequence[Row]

    @property
    def key(self) -> str:
        """Its name for the services: plain ASCII, and another one for each user of a session."""
        return sha256(json.dumps([self.session, self.user]).encode()).hexdigest()

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return self.rows[0].at

    @property
    def ended_at(self) -> datetime:
        """When its last event was."""
        return self.rows[-1].at

    @property
    def steps(self) -> dict[str, int]:
        """How often each kind of event was seen."""
        return dict(Counter(row.event for row in self.rows))


class _Unreadable(Exception):
    """A field does not say what it should; the message is the reason."""


def read_rows(lines: Iterable[str | bytes], zone: tzinfo) -> Iterator[Row | BadRow]:
    """Read rows; bad ones come back with their line and the reason.

    Args:
        lines: Lines of the file.
        zone: The zone that the timestamps are written in.
    """
    for found in read_table(lines, LAYOUT):
        yield found if isinstance(found, BadRow) else _row(found, zone)


def visits_of(rows: Iterable[Row]) -> list[Visit]:
    """Group rows into visits, in the order in which the visits began.

    Users who share a session, as two customers at one till may, made a visit each.
    """
    ordered = sorted(rows, key=lambda row: (row.session, row.user, row.at, row.line))
    visits = [
        Visit(
            session=session,
            user=user,
            channel=mine[0].channel,
            device=mine[0].device,
            rows=mine,
        )
        for (session, user), mine in (
            (whose, list(group))
            for whose, group in groupby(ordered, key=lambda row: (row.session, row.user))
        )
    ]
    return sorted(visits, key=lambda visit: (visit.started_at, visit.session, visit.user))


def basket(visit: Visit, until: Row, goods: Sequence[str]) -> dict[str, int]:
    """Return which goods were in the basket at a row: how many, the file says; which, we draw.

    The draw depends only on the visit, so the same file always buys the same.

    Args:
        visit: Whose basket.
        until: What was put in before this row counts; at least one thing was.
        goods: Stock keeping units to draw from.
    """
    added = [row for row in visit.rows if row.event == ADD_TO_CART and row.at <= until.at]
    count = min(max(len(added), 1), _MOST_LINES)
    return dict(Counter(goods[draw(visit.session, n) % len(goods)] for n in range(count)))


def draw(*parts: object) -> int:
    """Return a number that depends on ``parts`` only.

    >>> draw("a", 1) == draw("a", 1)
    True
    """
    return int.from_bytes(sha256("/".join(map(str, parts)).encode()).digest()[:8])


def _row(found: Record, zone: tzinfo) -> Row | BadRow:
    cells = {name: value.strip() for name, value in found.cells.items()}
    try:
        at = _moment(cells["timestamp"], zone)
    except _Unreadable as problem:
        return BadRow(line=found.line, reason=str(problem))
    return Row(
        line=found.line,
        user=cells["user_id"],
        session=cells["session_id"],
        event=cells["event"],
        at=at,
        device=cells["platform"],
        channel=cells["acquisition_channel"],
        cohort=cells["user_cohort"],
    )


def _moment(text: str, zone: tzinfo) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise _Unreadable("timestamp is not a date and time (ISO 8601).") from None
    # At the ends of the calendar there is no room for zones, nor for what follows a visit.
    if not _FIRST_YEAR <= read.year <= _LAST_YEAR:
        raise _Unreadable(f"timestamp lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
