"""One good example of every event about marketplaces, for tests to vary."""

from uuid import UUID

from chassis.money import Money
from commerce import trade_events

ORDER_ID = UUID("6f1c2f0e-0000-4000-8000-000000000001")
PAID_BACK = Money(amount=14900, currency="CNY")
OUTER_SKU_MAPPED = trade_events.OuterSkuMapped(
    marketplace="taobao", outer_id="TB-SHIRT-M", sku="shirt-m"
)
MARKETPLACE_MESSAGE_TAKEN = trade_events.MarketplaceMessageTaken(
    marketplace="taobao",
    trade_no="2580001",
    message_id="m-1",
    topic="taobao_trade_TradeBuyerPay",
)
MARKETPLACE_MESSAGE_REFUSED = trade_events.MarketplaceMessageRefused(
    marketplace="taobao",
    trade_no="2580001",
    message_id="m-1",
    topic="taobao_trade_TradeBuyerPay",
    code="outer_sku_unknown",
    detail="Say which product TB-SHIRT-M is.",
)
MARKETPLACE_TRADE_CLOSED = trade_events.MarketplaceTradeClosed(
    marketplace="taobao", trade_no="2580001"
)
MARKETPLACE_REFUND_ASKED = trade_events.MarketplaceRefundAsked(
    order_id=ORDER_ID, refund_no="7001", amount=PAID_BACK
)
MARKETPLACE_REFUND_MADE = trade_events.MarketplaceRefundMade(
    order_id=ORDER_ID, refund_no="7001", amount=PAID_BACK, wanted=False
)
