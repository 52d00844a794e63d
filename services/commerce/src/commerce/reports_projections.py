"""Fold what happened, and when it was written down, into what commerce reports about itself."""

from typing import Any

from chassis.changes import Change, Changes, Row
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce import events, order_events
from commerce.reports_tables import reaction_times

reactions = Projection("reaction_times", [reaction_times])
# A purchase at a till is over when it is told, and a marketplace's order waits for its buyer's
# payment: their times would say nothing about the chain.
UNTIMED = frozenset({"store", "marketplace"})


@reactions.fold(order_events.OrderPlaced)
def start_clock(event: order_events.OrderPlaced, stored: Envelope) -> Changes:
    """Start an order's clock at the moment it was written down."""
    yield _note(
        stored,
        str(event.order_id),
        placed_at=micros(stored.recorded_at),
        lines=len(event.lines),
        measured=event.origin.mode not in UNTIMED,
    )


@reactions.fold(events.StockReserved)
def note_reserved(event: events.StockReserved, stored: Envelope) -> Changes:
    """Note the latest line that was held; what a late payment brings back is no reaction."""
    if event.reservation.startswith(f"{event.order_id}.1."):
        yield _reserved(stored, str(event.order_id), micros(stored.recorded_at))


@reactions.fold(order_events.FulfilmentRequested)
def note_requested(event: order_events.FulfilmentRequested, stored: Envelope) -> Changes:
    """Stop an order's clock: the warehouse has been asked."""
    yield _note(stored, str(event.order_id), requested_at=micros(stored.recorded_at))


def _empty(tenant: str, order_id: str) -> dict[str, Any]:
    """Return an order's row before anything is known: its streams may arrive in any order."""
    return {
        "tenant": tenant,
        "order_id": order_id,
        "placed_at": None,
        "lines": None,
        "measured": True,
        "reserved": 0,
        "reserved_at": None,
        "requested_at": None,
    }


def _note(stored: Envelope, order_id: str, **values: Any) -> Change:
    place = {"tenant": stored.tenant, "order_id": order_id}
    return Change(
        reaction_times, place, lambda row: {**(row or _empty(stored.tenant, order_id)), **values}
    )


def _reserved(stored: Envelope, order_id: str, at: int) -> Change:
    def later(found: Row | None) -> Row:
        row = found or _empty(stored.tenant, order_id)
        latest = max(at, row["reserved_at"] or at)
        return {**row, "reserved": row["reserved"] + 1, "reserved_at": latest}

    return Change(reaction_times, {"tenant": stored.tenant, "order_id": order_id}, later)
