"""Fold what marketplaces tell into what waits, and into the orders' accounts."""

from chassis.changes import Changes, delete, put
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection
from commerce.projections import balance, book
from commerce.trade_events import (
    MarketplaceMessageRefused,
    MarketplaceMessageTaken,
    MarketplaceRefundMade,
)
from commerce.trade_tables import refused_messages

waiting = Projection("refused_messages", [refused_messages])


@waiting.fold(MarketplaceMessageRefused)
def show_refused(event: MarketplaceMessageRefused, stored: Envelope) -> Changes:
    """List a message that could not be done, with the newest reason."""
    yield put(
        refused_messages,
        **_place(event, stored),
        topic=event.topic,
        code=event.code,
        detail=event.detail,
        refused_at=micros(stored.recorded_at),
    )


@waiting.fold(MarketplaceMessageTaken)
def hide_taken(event: MarketplaceMessageTaken, stored: Envelope) -> Changes:
    """Take a message off the list once it is done."""
    yield delete(refused_messages, _place(event, stored))


@balance.fold(MarketplaceRefundMade)
def owe_less(event: MarketplaceRefundMade, stored: Envelope) -> Changes:
    """Expect less of an order's money when the marketplace gave some back by itself."""
    if not event.wanted:
        yield book(stored, event.order_id, event.amount, returned=event.amount.amount)


def _place(
    event: MarketplaceMessageRefused | MarketplaceMessageTaken, stored: Envelope
) -> dict[str, str]:
    return {
        "tenant": stored.tenant,
        "marketplace": event.marketplace,
        "trade_no": event.trade_no,
        "message_id": event.message_id,
    }
