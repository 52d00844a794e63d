"""What drops have to say about an order: under an entry, or of a product that is exclusive now."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select

from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from commerce import entrants
from commerce.drop import DROP, DropEntryUnknown, EntryUsed, OrderDiffersFromEntry
from commerce.drop_admission import OtherChannel, terms_of
from commerce.drop_commands import Use
from commerce.drop_place import not_a_drops
from commerce.drop_tables import drop_entries, drop_terms
from commerce.dropping import order_of
from commerce.exclusives import channels_elsewhere
from commerce.messages import OrderRequest
from commerce.order_events import OrderPlaced

RECENT = 20
# Whoever orders in the last second still needs a moment to pay.
LEAST_TO_PAY = timedelta(minutes=2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Supply:
    """Where an order's goods come from, and how long they wait for the money."""

    location: str
    reserved_until: datetime
    payment_due_at: datetime


def id_of(work: UnitOfWork, wanted: OrderRequest) -> UUID:
    """Return the id of an order: of its request, or of the entry, which is good for one."""
    if wanted.drop_entry is None:
        return derived_id(work.context.command_id, "order")
    return order_of(wanted.drop_entry)


def not_another(work: UnitOfWork, known: OrderPlaced) -> None:
    """Refuse a second order under one entry; raises EntryUsed."""
    if known.drop_entry is not None and known.key != str(work.context.command_id):
        raise EntryUsed("Enter again for another order.")


def supply(work: UnitOfWork, wanted: OrderRequest, usual: Supply) -> Supply:
    """Use the order's entry, or see that it needs none; return where its goods come from.

    Raises:
        PlaceOfDrop: the goods are a drop's, and the order names no entry.
        OtherChannel: the product is another platform's alone for now.
        DropEntryUnknown: there is no such entry.
        Rejected: the entry does not allow this order.
    """
    not_a_drops(wanted.location)
    if wanted.drop_entry is None:
        _free_to_sell(work, wanted)
        return usual
    return _under(work, wanted, wanted.drop_entry, usual)


def _under(work: UnitOfWork, wanted: OrderRequest, entry_id: UUID, usual: Supply) -> Supply:
    if len(wanted.lines) != 1:
        raise OrderDiffersFromEntry("Order the drop's product by itself.")
    (line,) = wanted.lines
    drop_id, at = _drop_of(work, entry_id, line.sku), work.known_at
    command = Use(
        entry_id=entry_id,
        standing=entrants.standing_of(work.db, work.tenant, wanted.person_id, at),
        order_id=order_of(entry_id),
        platform=wanted.origin.platform,
        sku=line.sku,
        qty=line.qty,
        at=at,
    )
    drop = work.execute(DROP, drop_id, command).state
    until = max(drop.entries[entry_id].pay_until or at, at + LEAST_TO_PAY)
    due_at = min(usual.payment_due_at, until)
    return replace(
        usual,
        location=terms_of(drop).place,
        payment_due_at=due_at,
        reserved_until=due_at + (usual.reserved_until - usual.payment_due_at),
    )


def _drop_of(work: UnitOfWork, entry_id: UUID, sku: str) -> UUID:
    """Find an entry's drop: at a glance, or, just after it came, in the drops themselves."""
    row = drop_entries.c
    known = select(row.drop_id).where(row.tenant == work.tenant, row.entry_id == str(entry_id))
    found = work.db.execute(known).scalar()
    if found is not None:
        return UUID(found)
    for drop_id in _newest(work.db, work.tenant, sku):
        if entry_id in work.load(DROP, drop_id).state.entries:
            return drop_id
    raise DropEntryUnknown("There is no such entry for this product.")


def _newest(db: Connection, tenant: str, sku: str) -> list[UUID]:
    row = drop_terms.c
    newest = select(row.drop_id).where(row.tenant == tenant, row.sku == sku)
    recent = newest.order_by(row.opens_at.desc(), row.drop_id).limit(RECENT)
    return [UUID(drop_id) for drop_id in db.execute(recent).scalars()]


def exclusive_elsewhere(
    work: UnitOfWork, skus: Collection[str], platform: str, at: datetime
) -> OtherChannel | None:
    """Return why some products could not be sold on a platform at a moment; None if they could."""
    # An import tells of the past, in its terms; what somebody says of the future counts as now.
    known = min(at, work.recorded_at)
    exclusive = channels_elsewhere(work.db, work.tenant, skus, platform, known)
    for sku, channel in exclusive.items():
        return OtherChannel(f"{sku} is for sale on {channel} only, for now.")
    return None


def _free_to_sell(work: UnitOfWork, wanted: OrderRequest) -> None:
    skus = {line.sku for line in wanted.lines}
    refusal = exclusive_elsewhere(work, skus, wanted.origin.platform, work.now)
    if refusal is not None:
        raise refusal
