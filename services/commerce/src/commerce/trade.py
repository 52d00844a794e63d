"""Trade: what a marketplace has told of one of its trades, each message once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import assert_never

from chassis.decider import Decider
from commerce.trade_events import (
    MarketplaceMessageRefused,
    MarketplaceMessageTaken,
    MarketplaceRefundAsked,
    MarketplaceRefundMade,
    MarketplaceTradeClosed,
    OuterSkuMapped,
    TradeEvent,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trade:
    """What is known of a trade.

    Args:
        taken: Messages that were done.
        waiting: Messages that were refused, with the reason that was recorded last.
        refunds: Refunds that the marketplace made.
        toward_wanted: Given back so far of what we had asked for and is not all back yet.
    """

    taken: frozenset[str] = frozenset()
    waiting: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    refunds: frozenset[str] = frozenset()
    toward_wanted: int = 0
    closed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Take something down that a message said."""

    said: TradeEvent


@dataclass(frozen=True, kw_only=True, slots=True)
class OuterSku:
    """What a marketplace's name for a product stands for."""

    sku: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MapOuterSku:
    """Say which product of ours a marketplace means."""

    mapped: OuterSkuMapped


def decide(trade: Trade, command: Note) -> Sequence[TradeEvent]:
    """Take news down once."""
    return [] if _known(trade, command.said) else [command.said]


def evolve(trade: Trade, event: TradeEvent) -> Trade:
    """Apply one fact."""
    match event:
        case MarketplaceMessageTaken(message_id=key):
            waiting = {name: code for name, code in trade.waiting.items() if name != key}
            return replace(trade, taken=trade.taken | {key}, waiting=waiting)
        case MarketplaceMessageRefused():
            return replace(trade, waiting={**trade.waiting, event.message_id: event.code})
        case MarketplaceTradeClosed():
            return replace(trade, closed=True)
        case MarketplaceRefundAsked():
            return replace(trade, asked=trade.asked | {event.refund_no})
        case MarketplaceRefundMade():
            return _refunded(trade, event)
        case _:
            assert_never(event)


def _known(trade: Trade, said: TradeEvent) -> bool:
    match said:
        case MarketplaceMessageTaken():
            return said.message_id in trade.taken
        case MarketplaceMessageRefused():
            return trade.waiting.get(said.message_id) == said.code
        case MarketplaceTradeClosed():
            return trade.closed
        case MarketplaceRefundAsked():
            return said.refund_no in trade.asked
        case MarketplaceRefundMade():
            return said.refund_no in trade.refunds
        case _:
            assert_never(said)


def _refunded(trade: Trade, event: MarketplaceRefundMade) -> Trade:
    made = replace(trade, refunds=trade.refunds | {event.refund_no})
    if not event.wanted:
        return made
    return replace(made, toward_wanted=trade.toward_wanted + event.amount.amount)


def _map(outer: OuterSku, command: MapOuterSku) -> Sequence[OuterSkuMapped]:
    return [] if outer.sku == command.mapped.sku else [command.mapped]


def _mapped(_outer: OuterSku, event: OuterSkuMapped) -> OuterSku:
    return OuterSku(sku=event.sku)


TRADE: Decider[Trade, Note, TradeEvent] = Decider(
    category="trade", initial=Trade(), decide=decide, evolve=evolve
)
OUTER_SKU: Decider[OuterSku, MapOuterSku, OuterSkuMapped] = Decider(
    category="outer_sku", initial=OuterSku(), decide=_map, evolve=_mapped
)
