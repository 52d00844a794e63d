"""One good example of every event about promotions, for tests to vary."""

from datetime import UTC, datetime

from commerce import promotion_events

FROM = datetime(2030, 1, 1, tzinfo=UTC)
TO = datetime(2030, 2, 1, tzinfo=UTC)

PROMOTION_DEFINED = promotion_events.PromotionDefined(
    promotion_id="club-10",
    texts=(
        promotion_events.Wording(lang="zh-Hant", text="會員九折"),
        promotion_events.Wording(lang="en", text="10% off for members"),
    ),
    audience="programme:club",
    discount=promotion_events.Discount(basis_points=1000),
    skus=("shirt-m",),
    valid_from=FROM,
    valid_to=TO,
    needs_coupon=True,
    per_person=1,
    total=100,
)
PROMOTION_ENDED = promotion_events.PromotionEnded(promotion_id="club-10", at=TO)
COUPON_ISSUED = promotion_events.CouponIssued(
    code="CLUB-2030", promotion_id="club-10", person_id="person-1", uses=1
)
