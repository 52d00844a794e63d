"""One good example of every event about carts, for tests to vary."""

from datetime import UTC, datetime
from uuid import UUID

from commerce import cart_events, order_events

CART_ID = UUID("6f1c2f0e-0000-4000-8000-000000000010")
CASE_ID = UUID("6f1c2f0e-0000-4000-8000-000000000011")
BOUGHT_AS = UUID("6f1c2f0e-0000-4000-8000-000000000001")
AT = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
UNTIL = datetime(2030, 1, 1, 13, 0, tzinfo=UTC)

CART_OPENED = cart_events.CartOpened(
    cart_id=CART_ID,
    buyer="person-1",
    origin=order_events.Origin(
        platform="weibo", property="page-1", content="content-1", touch="touch-1", mode="page"
    ),
    at=AT,
)
LINE_ADDED = cart_events.LineAdded(cart_id=CART_ID, sku="shirt-m", qty=1, at=AT, until=UNTIL)
LINE_CHANGED = cart_events.LineChanged(cart_id=CART_ID, sku="shirt-m", qty=2, at=AT, until=UNTIL)
LINE_REMOVED = cart_events.LineRemoved(cart_id=CART_ID, sku="shirt-m", qty=2, at=AT, until=UNTIL)
CART_REOPENED = cart_events.CartReopened(cart_id=CART_ID, at=UNTIL)
CART_CHECKED_OUT = cart_events.CartCheckedOut(cart_id=CART_ID, order_id=BOUGHT_AS, at=AT)
CART_ABANDONED = cart_events.CartAbandoned(
    cart_id=CART_ID,
    buyer="person-1",
    last_enquiry=cart_events.LastEnquiry(case_id=CASE_ID, at=AT),
    minutes=60,
    at=UNTIL,
)
