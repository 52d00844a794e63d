"""One good example of every event, for tests to vary."""

from datetime import UTC, datetime
from uuid import UUID

from chassis.money import Money
from chassis.quotas.events import QUOTA_NEARLY_USED, QUOTA_USED_UP
from commerce import events, order_events, payment_events
from commerce.buyers_examples import *  # noqa: F403  # every value here is an example
from commerce.cart_examples import *  # noqa: F403  # every value here is an example
from commerce.drop_examples import *  # noqa: F403  # every value here is an example
from commerce.order_process_state import payment_of
from commerce.promotion_examples import *  # noqa: F403  # every value here is an example
from commerce.shop_examples import *  # noqa: F403  # every value here is an example
from commerce.stores_examples import *  # noqa: F403  # every value here is an example
from commerce.trade_examples import *  # noqa: F403  # every value here is an example

__all__ = ["QUOTA_NEARLY_USED", "QUOTA_USED_UP"]

ORDER_ID = UUID("6f1c2f0e-0000-4000-8000-000000000001")
PAYMENT_ID = payment_of(ORDER_ID)
REFUND_ID = UUID("6f1c2f0e-0000-4000-8000-000000000002")
NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
LATER = datetime(2030, 1, 1, 12, 15, tzinfo=UTC)
LIST = Money(amount=248000, currency="TWD")
PRICE = Money(amount=149000, currency="TWD")
TOTAL = PRICE * 2
RESERVATION = f"{ORDER_ID}.1.0"
ORIGIN = order_events.Origin(
    platform="weibo", property="page-1", content="content-1", touch="touch-1", mode="page"
)

PRODUCT_LISTED = events.ProductListed(sku="shirt-m", title="A linen shirt")
OFFERS_WITHDRAWN = events.OffersWithdrawn(sku="shirt-l", at=NOW)
OFFER_PRICED = events.OfferPriced(
    sku="shirt-m", list=LIST, sale=PRICE, valid_from=NOW, valid_to=None, per_person=2
)
STOCK_RECEIVED = events.StockReceived(sku="shirt-m", location="main", qty=10)
STOCK_RESERVED = events.StockReserved(
    reservation=RESERVATION,
    order_id=ORDER_ID,
    sku="shirt-m",
    location="main",
    qty=2,
    expires_at=LATER,
)
RESERVATION_CONFIRMED = events.ReservationConfirmed(
    reservation=RESERVATION, order_id=ORDER_ID, sku="shirt-m", location="main", qty=2
)
RESERVATION_RELEASED = events.ReservationReleased(
    reservation=RESERVATION,
    order_id=ORDER_ID,
    sku="shirt-m",
    location="main",
    qty=2,
    confirmed=False,
    reason="out_of_stock",
)
RESERVATION_EXPIRED = events.ReservationExpired(
    reservation=RESERVATION, order_id=ORDER_ID, sku="shirt-m", location="main", qty=2
)
STOCK_SHIPPED = events.StockShipped(
    reservation=RESERVATION, order_id=ORDER_ID, sku="shirt-m", location="main", qty=2
)
STOCK_ADJUSTED = events.StockAdjusted(sku="shirt-m", location="main", qty=-1, reason="counted")

ORDER_PLACED = order_events.OrderPlaced(
    order_id=ORDER_ID,
    key="0b6cf0e5-0000-5000-8000-000000000003",
    body_hash="5e" * 32,
    person_id="person-1",
    origin=ORIGIN,
    lines=(order_events.OrderLine(sku="shirt-m", qty=2, price=PRICE),),
    total=TOTAL,
    location="main",
    placed_at=NOW,
    reserved_until=LATER,
    payment_due_at=LATER,
    payment_method="tok_ok",
)
ORDER_REPRICED = order_events.OrderRepriced(
    order_id=ORDER_ID,
    lines=(
        order_events.OrderLine(sku="shirt-m", qty=2, price=Money(amount=134100, currency="TWD")),
    ),
    total=Money(amount=268200, currency="TWD"),
)
ORDER_CONFIRMED = order_events.OrderConfirmed(
    order_id=ORDER_ID, person_id="person-1", total=TOTAL, origin=ORIGIN
)
ORDER_CANCELLED = order_events.OrderCancelled(
    order_id=ORDER_ID, by="process", reason="out_of_stock"
)
ORDER_EXPIRED = order_events.OrderExpired(order_id=ORDER_ID)
ORDER_COMPLETED = order_events.OrderCompleted(order_id=ORDER_ID)
FULFILMENT_REQUESTED = order_events.FulfilmentRequested(
    order_id=ORDER_ID,
    person_id="person-1",
    location="main",
    lines=(
        order_events.FulfilmentLine(reservation=RESERVATION, sku="shirt-m", qty=2, price=PRICE),
    ),
)
FULFILMENT_ACCEPTED = order_events.FulfilmentAccepted(order_id=ORDER_ID)
FULFILMENT_SHIPPED = order_events.FulfilmentShipped(
    order_id=ORDER_ID, person_id="person-1", carrier="post", no="RR123456785TW"
)
FULFILMENT_DELIVERED = order_events.FulfilmentDelivered(order_id=ORDER_ID)
FULFILMENT_FAILED = order_events.FulfilmentFailed(
    order_id=ORDER_ID, reason="address_unknown", shipped=True
)
FULFILMENT_WENT_ON = order_events.FulfilmentWentOn(
    order_id=ORDER_ID,
    person_id="person-1",
    location="main",
    lines=FULFILMENT_REQUESTED.lines,
)
RETURN_RECEIVED = order_events.ReturnReceived(
    order_id=ORDER_ID,
    location="main",
    lines=(order_events.ReturnedLine(sku="shirt-m", qty=1),),
    condition="good",
    value=PRICE,
)

PAYMENT_INITIATED = payment_events.PaymentInitiated(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL, due_at=LATER
)
PAYMENT_AMENDED = payment_events.PaymentAmended(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=Money(amount=268200, currency="TWD")
)
PAYMENT_AUTHORIZED = payment_events.PaymentAuthorized(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL, callback_id="cb-1", at=NOW
)
PAYMENT_CAPTURE_REQUESTED = payment_events.PaymentCaptureRequested(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL
)
PAYMENT_CAPTURED = payment_events.PaymentCaptured(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL, callback_id="cb-2", at=NOW
)
PAYMENT_FAILED = payment_events.PaymentFailed(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    amount=TOTAL,
    step="authorise",
    reason="card_declined",
    callback_id="cb-3",
)
PAYMENT_VOID_REQUESTED = payment_events.PaymentVoidRequested(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL
)
PAYMENT_VOIDED = payment_events.PaymentVoided(
    payment_id=PAYMENT_ID, order_id=ORDER_ID, amount=TOTAL, callback_id="cb-4"
)
LATE_PAYMENT_RECEIVED = payment_events.LatePaymentReceived(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    amount=TOTAL,
    captured=True,
    callback_id="cb-5",
    at=LATER,
)
REFUND_REQUESTED = payment_events.RefundRequested(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    refund_id=REFUND_ID,
    amount=PRICE,
    reason="returned",
)
PAYMENT_REFUNDED = payment_events.PaymentRefunded(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    refund_id=REFUND_ID,
    amount=PRICE,
    callback_id="cb-6",
)
PAYMENT_REFUND_FAILED = payment_events.PaymentRefundFailed(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    refund_id=REFUND_ID,
    amount=PRICE,
    reason="account_closed",
    attempt=1,
    callback_id="cb-7",
    at=LATER,
)
PAYMENT_REFUND_DOUBLED = payment_events.PaymentRefundDoubled(
    payment_id=PAYMENT_ID,
    order_id=ORDER_ID,
    refund_id=REFUND_ID,
    amount=PRICE,
    callback_id="cb-8",
)
