"""Fold drops' events into the drop board, the entries and the terms that orders are checked by."""

from collections.abc import Mapping
from uuid import UUID

from chassis.changes import Change, Changes, add, insert, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce import drop_events
from commerce.drop_tables import drop_entries, drop_terms, drops

terms = Projection("drop_terms", [drop_terms])
board = Projection("drop_board", [drops])
entries = Projection("drop_entries", [drop_entries])

Turned = (
    drop_events.DropEntryPassedOver
    | drop_events.DropGrantExpired
    | drop_events.DropEntryRevived
    | drop_events.DropEntryBought
    | drop_events.DropEntryGivenBack
)
_STATUS: Mapping[type[Turned], str] = {
    drop_events.DropEntryPassedOver: "passed_over",
    drop_events.DropGrantExpired: "expired",
    drop_events.DropEntryRevived: "used",
    drop_events.DropEntryBought: "bought",
    drop_events.DropEntryGivenBack: "given_back",
}


@terms.fold(drop_events.DropScheduled)
def keep_terms(event: drop_events.DropScheduled, stored: Envelope) -> Changes:
    """Let every order of the product be checked from now on."""
    until = event.exclusive_until or event.closes_at
    yield insert(
        drop_terms,
        tenant=stored.tenant,
        drop_id=str(event.drop_id),
        sku=event.sku,
        channel=event.channel_exclusive,
        opens_at=micros(event.opens_at),
        exclusive_until=micros(until),
    )


@board.fold(drop_events.DropScheduled)
def show_drop(event: drop_events.DropScheduled, stored: Envelope) -> Changes:
    """Put a new drop on the board."""
    counts = dict.fromkeys(("entered", "served", "granted", "ordered", "sold", "returned"), 0)
    until = event.exclusive_until
    yield insert(
        drops,
        **_drop(stored, event.drop_id),
        **counts,
        sku=event.sku,
        channel_exclusive=event.channel_exclusive,
        exclusive_until=micros(until) if until else None,
        per_person=event.per_person,
        opens_at=micros(event.opens_at),
        closes_at=micros(event.closes_at),
        state="scheduled",
        stock=event.stock,
    )


@board.fold(drop_events.DropOpened)
def show_open(event: drop_events.DropOpened, stored: Envelope) -> Changes:
    """Mark a drop that one can enter."""
    yield update(drops, _drop(stored, event.drop_id), state="open")


@board.fold(drop_events.DropSoldOut)
def show_sold_out(event: drop_events.DropSoldOut, stored: Envelope) -> Changes:
    """Mark a drop that has nothing left."""
    yield update(drops, _drop(stored, event.drop_id), state="sold_out")


@board.fold(drop_events.DropClosed)
def show_closed(event: drop_events.DropClosed, stored: Envelope) -> Changes:
    """Mark a drop that ended with pieces left; one that sold out stays so."""

    def closed(row: dict[str, object]) -> dict[str, object]:
        return {**row, "state": "sold_out" if row["state"] == "sold_out" else "closed"}

    where = _drop(stored, event.drop_id)
    yield Change(drops, where, lambda row: None if row is None else closed(dict(row)))


@board.fold(drop_events.DropEntered)
def count_entry(event: drop_events.DropEntered, stored: Envelope) -> Changes:
    """Count who came."""
    yield add(drops, _drop(stored, event.drop_id), entered=1)


@board.fold(drop_events.DropGranted)
def count_grant(event: drop_events.DropGranted, stored: Envelope) -> Changes:
    """Count pieces that somebody may buy, and that one fewer waits."""
    yield add(drops, _drop(stored, event.drop_id), served=1, granted=event.qty)


@board.fold(drop_events.DropEntryPassedOver)
def count_passed_over(event: drop_events.DropEntryPassedOver, stored: Envelope) -> Changes:
    """Count that one fewer waits."""
    yield add(drops, _drop(stored, event.drop_id), served=1)


@board.fold(drop_events.DropGrantExpired)
def count_expired(event: drop_events.DropGrantExpired, stored: Envelope) -> Changes:
    """Take back what nobody ordered."""
    yield add(drops, _drop(stored, event.drop_id), granted=-event.qty)


@board.fold(drop_events.DropEntryUsed)
def count_order(event: drop_events.DropEntryUsed, stored: Envelope) -> Changes:
    """Count pieces that were ordered and are not paid yet."""
    yield add(drops, _drop(stored, event.drop_id), granted=-event.qty, ordered=event.qty)


@board.fold(drop_events.DropEntryRevived)
def count_revived(event: drop_events.DropEntryRevived, stored: Envelope) -> Changes:
    """Count the pieces of an order again that a late payment brought back."""
    yield add(drops, _drop(stored, event.drop_id), ordered=event.qty)


@board.fold(drop_events.DropEntryBought)
def count_sale(event: drop_events.DropEntryBought, stored: Envelope) -> Changes:
    """Count sold pieces."""
    yield add(drops, _drop(stored, event.drop_id), ordered=-event.qty, sold=event.qty)


@board.fold(drop_events.DropEntryGivenBack)
def count_given_back(event: drop_events.DropEntryGivenBack, stored: Envelope) -> Changes:
    """Take back the pieces of an order that came to nothing."""
    yield add(
        drops, _drop(stored, event.drop_id), **{"sold" if event.bought else "ordered": -event.qty}
    )


@board.fold(drop_events.DropStockReturned)
def count_returned(event: drop_events.DropStockReturned, stored: Envelope) -> Changes:
    """Count pieces that the drop gave up."""
    yield add(drops, _drop(stored, event.drop_id), returned=event.qty)


@entries.fold(drop_events.DropEntered)
def show_entry(event: drop_events.DropEntered, stored: Envelope) -> Changes:
    """Show an entry, without who made it: nothing here is to be forgotten."""
    yield insert(
        drop_entries,
        **_entry(stored, event.entry_id),
        drop_id=str(event.drop_id),
        number=event.number,
        qty=event.qty,
        status="waiting",
        pay_until=None,
        order_id=None,
    )


@entries.fold(drop_events.DropGranted)
def show_grant(event: drop_events.DropGranted, stored: Envelope) -> Changes:
    """Say until when the pieces are kept."""
    where = _entry(stored, event.entry_id)
    yield update(drop_entries, where, status="granted", pay_until=micros(event.pay_until))


@entries.fold(drop_events.DropEntryUsed)
def show_used(event: drop_events.DropEntryUsed, stored: Envelope) -> Changes:
    """Name the order."""
    where = _entry(stored, event.entry_id)
    yield update(drop_entries, where, status="used", order_id=str(event.order_id))


def show_status(event: Turned, stored: Envelope) -> Changes:
    """Say what became of an entry."""
    yield update(drop_entries, _entry(stored, event.entry_id), status=_STATUS[type(event)])


for _turned in _STATUS:
    entries.fold(_turned)(show_status)


def _drop(stored: Envelope, drop_id: UUID) -> dict[str, str]:
    return {"tenant": stored.tenant, "drop_id": str(drop_id)}


def _entry(stored: Envelope, entry_id: UUID) -> dict[str, str]:
    return {"tenant": stored.tenant, "entry_id": str(entry_id)}
