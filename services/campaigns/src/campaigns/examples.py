"""One good example of each event; tests vary them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from campaigns import events
from chassis.money import Money
from chassis.quotas.events import QUOTA_NEARLY_USED, QUOTA_USED_UP

__all__ = ["QUOTA_NEARLY_USED", "QUOTA_USED_UP"]

CONTENT_ID = UUID("0192f5d0-0000-7000-8000-000000000001")
TOUCH_ID = UUID("0192f5d0-0000-7000-8000-000000000002")
SESSION_ID = UUID("0192f5d0-0000-7000-8000-000000000003")
ORDER_ID = "0192f5d0-0000-7000-8000-000000000004"
PERSON_ID = "0192f5d0-0000-7000-8000-000000000005"
AT = datetime(2026, 5, 6, 2, 0, tzinfo=UTC)
PRICE = Money(amount=12900, currency="CNY")

CONTENT_DRAFTED = events.ContentDrafted(
    content_id=CONTENT_ID,
    drafted_by="user:lin",
    face="current_activity",
    sell="hard",
    author="kol",
    persona="阿林",
    platforms=("weibo",),
    text="【广告】新品奶瓶今天开售。",
    length=13,
    lang="zh-Hans",
    market="CN",
    products=("bottle-240",),
    segments=("new-parents",),
    campaign_id="spring-2026",
    link="https://shop.example/bottle-240",
    purchase_link=True,
    ad_mark=True,
    disclosure="paid by the brand",
)
CONTENT_CHECKED = events.ContentChecked(content_id=CONTENT_ID, passed=True, problems=())
CONTENT_APPROVED = events.ContentApproved(content_id=CONTENT_ID, by="user:mei")
CONTENT_REJECTED = events.ContentRejected(content_id=CONTENT_ID, reasons=("ad_mark_missing",))
CONTENT_PUBLISHED = events.ContentPublished(
    content_id=CONTENT_ID,
    face="current_activity",
    sell="hard",
    platform="weibo",
    slot="2026-05-06T10:00",
    property_id="weibo-official",
    campaign_id="spring-2026",
    link_token="YWNtZQ.l2bXh0cGhqZ2tu.c2lnbmF0dXJlLW9mLWxpbms",  # noqa: S106  # no secret: it stands in public posts
    link="https://shop.example/bottle-240",
    at=AT,
)
CONTENT_WITHDRAWN = events.ContentWithdrawn(content_id=CONTENT_ID, reason="sold out")
LENGTH_LIMIT_SET = events.LengthLimitSet(
    platform="weibo", author="kol", characters=140, effective_from=AT
)
TOUCH_RECORDED = events.TouchRecorded(
    touch_id=TOUCH_ID,
    subject=PERSON_ID,
    channel="weibo",
    campaign_id="spring-2026",
    content_id=str(CONTENT_ID),
    kind="click",
    direct=False,
    cost=Money(amount=35, currency="CNY"),
    at=AT,
)
SESSION_RECORDED = events.SessionRecorded(
    session_id=SESSION_ID,
    subject=PERSON_ID,
    source="weibo",
    device="mobile",
    started_at=AT,
    ended_at=datetime(2026, 5, 6, 2, 12, tzinfo=UTC),
    steps={"view_product": 3, "add_to_cart": 1},
)
SPEND_RECORDED = events.SpendRecorded(
    ad_id="ad-7",
    channel="weibo",
    impressions=10_000,
    clicks=120,
    cost=Money(amount=80_000, currency="CNY"),
    day=date(2026, 5, 6),
)
CONVERSION_ATTRIBUTED = events.ConversionAttributed(
    order_id=ORDER_ID,
    model="last",
    window_days=30,
    ordered_at=datetime(2026, 5, 6, 3, 0, tzinfo=UTC),
    credits=(
        events.Credit(
            touch_id=TOUCH_ID,
            channel="weibo",
            campaign_id="spring-2026",
            content_id=str(CONTENT_ID),
            weight=Decimal("1.000000000000"),
            amount=PRICE,
        ),
    ),
    amount=PRICE,
)
ATTRIBUTION_REVERSED = events.AttributionReversed(
    order_id=ORDER_ID,
    fraction=Decimal("0.250000000000"),
    amount=Money(amount=3225, currency="CNY"),
)
REFUND_NOTED = events.RefundNoted(order_id=ORDER_ID, amount=PRICE)
