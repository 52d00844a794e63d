"""What a drop's rules need to know of its past; no event costs more for there being many."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never
from uuid import UUID

from immutables import Map

from commerce.drop_events import (
    DropClosed,
    DropEntered,
    DropEntryBought,
    DropEntryGivenBack,
    DropEntryPassedOver,
    DropEntryRevived,
    DropEntryUsed,
    DropEvent,
    DropGranted,
    DropGrantExpired,
    DropOpened,
    DropScheduled,
    DropSoldOut,
    DropStockReturned,
)

Status = Literal["waiting", "granted", "used", "bought", "expired", "given_back", "passed_over"]
KEPT = frozenset({"granted", "used", "bought"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One wish for pieces, and what became of it."""

    entry_id: UUID
    number: int
    person_id: str
    qty: int
    phones: tuple[str, ...] = ()
    status: Status = "waiting"
    pay_until: datetime | None = None
    order_id: UUID | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pieces:
    """How many pieces one id, or one phone, waits for, may buy now, and has ordered."""

    waiting: int = 0
    granted: int = 0
    ordered: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """A limited sale as it stands.

    Args:
        free: Pieces that nobody has a right to.  Below zero while an order that a late payment
            brought back has taken pieces that were granted to somebody else since.
        served: How many have left the line: whoever has number ``served + 1`` is the first.
    """

    scheduled: DropScheduled | None = None
    opened: bool = False
    sold_out: bool = False
    closed: bool = False
    free: int = 0
    sold: int = 0
    entered: int = 0
    served: int = 0
    entries: Map[UUID, Entry] = field(default_factory=Map)
    line: Map[int, UUID] = field(default_factory=Map)
    people: Map[str, Pieces] = field(default_factory=Map)
    phones: Map[str, Pieces] = field(default_factory=Map)

    @property
    def ended(self) -> bool:
        """Say whether nobody's turn comes any more."""
        return self.sold_out or self.closed

    @property
    def first(self) -> Entry | None:
        """Return who is the first in line."""
        entry_id = self.line.get(self.served + 1)
        return None if entry_id is None else self.entries[entry_id]

    def place_in_line(self, entry: Entry) -> int | None:
        """Return 1 for the first who waits; None for who doesn't."""
        waits = entry.status == "waiting" and not self.ended
        return entry.number - self.served if waits else None


def evolve(drop: Drop, event: DropEvent) -> Drop:  # noqa: PLR0911  # one arm each
    """Apply one fact."""
    match event:
        case DropScheduled():
            return replace(drop, scheduled=event, free=event.stock)
        case DropEntered():
            return _entered(drop, event)
        case DropOpened():
            return replace(drop, opened=True)
        case DropSoldOut():
            return replace(drop, sold_out=True)
        case DropClosed():
            return replace(drop, closed=True)
        case DropStockReturned():
            return replace(drop, free=drop.free - event.qty)
        case _:
            return _changed(drop, event)


def _changed(
    drop: Drop,
    event: DropGranted
    | DropEntryPassedOver
    | DropGrantExpired
    | DropEntryUsed
    | DropEntryBought
    | DropEntryGivenBack
    | DropEntryRevived,
) -> Drop:
    entry = drop.entries[event.entry_id]
    match event:
        case DropGranted():
            granted = replace(entry, status="granted", pay_until=event.pay_until)
            return _moved(_left_line(drop, entry), granted)
        case DropEntryPassedOver():
            return _moved(_left_line(drop, entry), replace(entry, status="passed_over"))
        case DropGrantExpired():
            return _moved(drop, replace(entry, status="expired"))
        case DropEntryUsed() | DropEntryRevived():
            return _moved(drop, replace(entry, status="used", order_id=event.order_id))
        case DropEntryBought():
            return _moved(drop, replace(entry, status="bought"))
        case DropEntryGivenBack():
            return _moved(drop, replace(entry, status="given_back"))
        case _:
            assert_never(event)


def _entered(drop: Drop, event: DropEntered) -> Drop:
    entry = Entry(
        entry_id=event.entry_id,
        number=event.number,
        person_id=event.person_id,
        phones=event.phones,
        qty=event.qty,
    )
    return replace(
        _counted(drop, entry, entry.qty),
        entered=event.number,
        entries=drop.entries.set(entry.entry_id, entry),
        line=drop.line.set(entry.number, entry.entry_id),
    )


def _left_line(drop: Drop, entry: Entry) -> Drop:
    return replace(drop, line=drop.line.delete(entry.number), served=entry.number)


def _moved(drop: Drop, entry: Entry) -> Drop:
    """Replace an entry, and move its pieces from where its old status counts them."""
    old = drop.entries[entry.entry_id]
    return replace(
        _counted(_counted(drop, old, -old.qty), entry, entry.qty),
        entries=drop.entries.set(entry.entry_id, entry),
        free=drop.free + _kept(old) - _kept(entry),
        sold=drop.sold + _sold(entry) - _sold(old),
    )


def _kept(entry: Entry) -> int:
    return entry.qty if entry.status in KEPT else 0


def _sold(entry: Entry) -> int:
    return entry.qty if entry.status == "bought" else 0


def _counted(drop: Drop, entry: Entry, by: int) -> Drop:
    people = _added(drop.people, [entry.person_id], entry.status, by)
    return replace(drop, people=people, phones=_added(drop.phones, entry.phones, entry.status, by))


def _added(
    counts: Map[str, Pieces], whose: Sequence[str], status: Status, by: int
) -> Map[str, Pieces]:
    for one in whose:
        counts = counts.set(one, _more(counts.get(one, Pieces()), status, by))
    return counts


def _more(pieces: Pieces, status: Status, by: int) -> Pieces:
    match status:
        case "waiting":
            return replace(pieces, waiting=pieces.waiting + by)
        case "granted":
            return replace(pieces, granted=pieces.granted + by)
        case "used" | "bought":
            return replace(pieces, ordered=pieces.ordered + by)
        case _:
            return pieces
