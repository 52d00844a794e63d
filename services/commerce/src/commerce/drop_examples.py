"""One good example of every event of a drop."""

from datetime import UTC, datetime
from uuid import UUID

from commerce import drop_events
from commerce.drop_place import place_of
from commerce.dropping import order_of
from commerce.order_events import Origin

DROP_ID = UUID("6f1c2f0e-0000-4000-8000-000000000011")
ENTRY_ID = UUID("6f1c2f0e-0000-4000-8000-000000000012")
ENTRY_ORDER = order_of(ENTRY_ID)
OPENS = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)
PAY_UNTIL = datetime(2030, 1, 1, 12, 15, tzinfo=UTC)
CLOSES = datetime(2030, 1, 1, 14, 0, tzinfo=UTC)
ON_QZONE = Origin(
    platform="qzone", property="page-1", content="content-1", touch="touch-1", mode="page"
)

DROP_SCHEDULED = drop_events.DropScheduled(
    drop_id=DROP_ID,
    sku="redmi",
    location="main",
    place=place_of(DROP_ID),
    stock=2,
    channel_exclusive="qzone",
    exclusive_until=CLOSES,
    per_person=1,
    verified_only=True,
    opens_at=OPENS,
    closes_at=CLOSES,
    pay_within=900,
)
DROP_OPENED = drop_events.DropOpened(drop_id=DROP_ID, sku="redmi")
DROP_ENTERED = drop_events.DropEntered(
    drop_id=DROP_ID,
    entry_id=ENTRY_ID,
    number=1,
    person_id="person-1",
    phones=("phone-of-person-1",),
    qty=1,
    origin=ON_QZONE,
    at=OPENS,
)
DROP_GRANTED = drop_events.DropGranted(
    drop_id=DROP_ID, entry_id=ENTRY_ID, person_id="person-1", qty=1, pay_until=PAY_UNTIL
)
DROP_ENTRY_PASSED_OVER = drop_events.DropEntryPassedOver(
    drop_id=DROP_ID, entry_id=ENTRY_ID, qty=1, reason="not_verified"
)
DROP_GRANT_EXPIRED = drop_events.DropGrantExpired(drop_id=DROP_ID, entry_id=ENTRY_ID, qty=1)
DROP_ENTRY_USED = drop_events.DropEntryUsed(
    drop_id=DROP_ID, entry_id=ENTRY_ID, qty=1, order_id=ENTRY_ORDER
)
DROP_ENTRY_BOUGHT = drop_events.DropEntryBought(
    drop_id=DROP_ID, entry_id=ENTRY_ID, qty=1, order_id=ENTRY_ORDER
)
DROP_ENTRY_GIVEN_BACK = drop_events.DropEntryGivenBack(
    drop_id=DROP_ID,
    entry_id=ENTRY_ID,
    qty=1,
    order_id=ENTRY_ORDER,
    bought=False,
    reason="changed_my_mind",
)
DROP_ENTRY_REVIVED = drop_events.DropEntryRevived(
    drop_id=DROP_ID, entry_id=ENTRY_ID, qty=1, order_id=ENTRY_ORDER
)
DROP_SOLD_OUT = drop_events.DropSoldOut(drop_id=DROP_ID, sku="redmi", stock=2)
DROP_CLOSED = drop_events.DropClosed(drop_id=DROP_ID, sku="redmi", sold=1)
DROP_STOCK_RETURNED = drop_events.DropStockReturned(
    drop_id=DROP_ID, sku="redmi", location="main", qty=1
)
