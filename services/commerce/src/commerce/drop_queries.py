"""What is asked about drops, and how a drop and an entry look from outside."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Row, and_, select

from chassis.clock import moment, moment_or_none
from chassis.envelope import Envelope
from chassis.states import States, catch_up
from chassis.storage import log_on
from commerce.drop import DROP, DropEntryUnknown
from commerce.drop_admission import terms_of
from commerce.drop_messages import DropStateName, DropView, EntryStatus, EntryView
from commerce.drop_state import Drop, Entry
from commerce.drop_tables import drop_entries, drops
from commerce.events import registry
from commerce.queries import NoKeys

_states: WeakKeyDictionary[Engine, States] = WeakKeyDictionary()


def drops_after(db: Connection, tenant: str, place: Sequence[Any], *, limit: int) -> list[DropView]:
    """Return the next drops, the latest to open first, behind (opens_at, drop_id)."""
    row = drops.c
    wanted = [row.tenant == tenant]
    if place:
        at, drop_id = place
        wanted.append((row.opens_at < at) | and_(row.opens_at == at, row.drop_id > drop_id))
    page = select(drops).where(*wanted).order_by(row.opens_at.desc(), row.drop_id).limit(limit)
    return [_listed(found) for found in db.execute(page)]


def drop_of(db: Connection, tenant: str, drop_id: UUID) -> DropView:
    """Return a drop from the board, or, before it is there, from its own events.

    Raises:
        DropUnknown: there is no such drop.
    """
    found = _row(db, tenant, drop_id)
    return _listed(found) if found else drop_view(_now(db, tenant, drop_id))


def entry_of(db: Connection, tenant: str, drop_id: UUID, entry_id: UUID) -> EntryView:
    """Return an entry as it stands.

    Raises:
        DropEntryUnknown: there is no such entry in this drop.
    """
    row, board = drop_entries.c, _row(db, tenant, drop_id)
    mine = (
        row.tenant == tenant,
        row.entry_id == str(entry_id),
        row.drop_id == str(drop_id),
    )
    found = db.execute(select(drop_entries).where(*mine)).one_or_none()
    if board is None or found is None:
        return entry_view(_now(db, tenant, drop_id), entry_id)
    return _shown(found, board)


def drop_view(drop: Drop) -> DropView:
    """Show a drop; raises DropUnknown."""
    terms = terms_of(drop)
    granted = sum(pieces.granted for pieces in drop.people.values())
    ordered = sum(pieces.ordered for pieces in drop.people.values())
    return DropView(
        drop_id=terms.drop_id,
        sku=terms.sku,
        state=_state(drop),
        stock=terms.stock,
        per_person=terms.per_person,
        channel_exclusive=terms.channel_exclusive,
        exclusive_until=terms.exclusive_until,
        opens_at=terms.opens_at,
        closes_at=terms.closes_at,
        entered=drop.entered,
        waiting=drop.entered - drop.served,
        granted=granted,
        ordered=ordered - drop.sold,
        sold=drop.sold,
        returned=terms.stock - drop.free - granted - ordered,
    )


def entry_view(drop: Drop, entry_id: UUID) -> EntryView:
    """Show an entry, as it is right now.

    Raises:
        DropUnknown: there is no such drop.
        DropEntryUnknown: there is no such entry in it.
    """
    terms, entry = terms_of(drop), drop.entries.get(entry_id)
    if entry is None:
        raise DropEntryUnknown("There is no such entry.")
    return EntryView(
        drop_id=terms.drop_id,
        entry_id=entry_id,
        status=_status(drop, entry),
        qty=entry.qty,
        place_in_line=drop.place_in_line(entry),
        pay_until=entry.pay_until,
        order_id=entry.order_id,
    )


def _now(db: Connection, tenant: str, drop_id: UUID) -> Drop:
    """Return a drop as it is this very moment.

    Many ask while the read models are behind: each would fold all that thousands did.
    """

    def apply(drop: Drop, stored: Envelope) -> Drop:
        return DROP.evolve(drop, registry.decode(stored, NoKeys()))

    states = _states.setdefault(db.engine, States())
    stream = DROP.stream(drop_id)
    drop: Drop = catch_up(states, log_on(db), tenant, stream, initial=Drop(), apply=apply).state
    return drop


def _row(db: Connection, tenant: str, drop_id: UUID) -> Row[Any] | None:
    row = drops.c
    wanted = select(drops).where(row.tenant == tenant, row.drop_id == str(drop_id))
    return db.execute(wanted).one_or_none()


def _listed(found: Row[Any]) -> DropView:
    return DropView(
        drop_id=UUID(found.drop_id),
        sku=found.sku,
        state=found.state,
        stock=found.stock,
        per_person=found.per_person,
        channel_exclusive=found.channel_exclusive,
        exclusive_until=moment_or_none(found.exclusive_until),
        opens_at=moment(found.opens_at),
        closes_at=moment(found.closes_at),
        entered=found.entered,
        waiting=found.entered - found.served,
        granted=found.granted,
        ordered=found.ordered,
        sold=found.sold,
        returned=found.returned,
    )


def _shown(found: Row[Any], board: Row[Any]) -> EntryView:
    waits = found.status == "waiting"
    ended = waits and board.state in {"sold_out", "closed"}
    return EntryView(
        drop_id=UUID(found.drop_id),
        entry_id=UUID(found.entry_id),
        status=board.state if ended else found.status,
        qty=found.qty,
        # The two read models are not always equally far.
        place_in_line=max(1, found.number - board.served) if waits and not ended else None,
        pay_until=moment_or_none(found.pay_until),
        order_id=UUID(found.order_id) if found.order_id else None,
    )


def _state(drop: Drop) -> DropStateName:
    if drop.sold_out:
        return "sold_out"
    if drop.closed:
        return "closed"
    return "open" if drop.opened else "scheduled"


def _status(drop: Drop, entry: Entry) -> EntryStatus:
    if entry.status != "waiting" or not drop.ended:
        return entry.status
    return "sold_out" if drop.sold_out else "closed"
