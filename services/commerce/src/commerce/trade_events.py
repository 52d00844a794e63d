"""What commerce records about trades on marketplaces, and about the messages that tell of them."""

from dataclasses import dataclass
from uuid import UUID

from chassis.money import Money
from commerce.events import registry


@registry.event("outer_sku_mapped", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class OuterSkuMapped:
    """What a marketplace calls so is this product of ours."""

    marketplace: str
    outer_id: str
    sku: str


@registry.event("marketplace_message_taken")
@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceMessageTaken:
    """A message was understood and done; the same again is no news."""

    marketplace: str
    trade_no: str
    message_id: str
    topic: str


@registry.event("marketplace_message_refused", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceMessageRefused:
    """A message could not be done; nothing of it was kept, and the marketplace sends it again."""

    marketplace: str
    trade_no: str
    message_id: str
    topic: str
    code: str
    detail: str


@registry.event("marketplace_trade_closed", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceTradeClosed:
    """The marketplace closed a trade without a sale; of it only a parcel is news any more."""

    marketplace: str
    trade_no: str


@registry.event("marketplace_refund_asked", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceRefundAsked:
    """A buyer asks the marketplace for money back; none has moved."""

    order_id: UUID
    refund_no: str
    amount: Money


@registry.event("marketplace_refund_made", public=True)
@dataclass(frozen=True, kw_only=True, slots=True)
class MarketplaceRefundMade:
    """The marketplace gave money back.

    Args:
        wanted: We had asked for it, so it is booked with what was asked; otherwise the
            marketplace decided it, and the order is worth so much less.
    """

    order_id: UUID
    refund_no: str
    amount: Money
    wanted: bool


TradeEvent = (
    MarketplaceMessageTaken
    | MarketplaceMessageRefused
    | MarketplaceTradeClosed
    | MarketplaceRefundAsked
    | MarketplaceRefundMade
)
