"""The order process is killed at every step: a use of a promotion is neither lost nor kept."""

from pathlib import Path
from typing import Any

import pytest

from chassis.faults import set_hook
from chassis.testing.killing import Killer, surviving

ORIGIN = {"platform": "weibo", "property": "page-1", "mode": "page"}
SAGA = {"processes", "payment_provider"}  # read models have no part in it


def bought_with_a_coupon(shop: Any, method: str) -> Any:
    """Order a cart with a coupon's only use, and see the order to its end."""
    followers = shop.service.followers
    shop.service.followers = [follower for follower in followers if follower.name in SAGA]
    shop.stocked(shirt=2)
    discount, texts = {"basis_points": 1000}, [{"lang": "en", "text": "10% off"}]
    terms = {"promotion_id": "tenth", "texts": texts, "discount": discount, "needs_coupon": True}
    shop.service.post("/v1/promotions", {**terms, "total": 1})
    shop.service.post("/v1/promotions/tenth/coupons", {"code": "ONLY-ONE"})
    cart = shop.service.post("/v1/carts", {"person_id": "p1", "origin": ORIGIN}, key="c1")
    line = {"sku": "shirt", "qty": 1}
    shop.service.post(f"/v1/carts/{cart['cart_id']}/lines", line, key="c2")
    body = {"person_id": "p1", "origin": ORIGIN, "cart_id": cart["cart_id"], "coupon": "ONLY-ONE"}
    shop.service.post("/v1/orders", {**body, "payment_method": method}, key="c3")
    surviving(shop.settle)
    own = {"order_placed", "order_confirmed", "order_expired", "cart_checked_out"}
    return [
        shop.service.rows("SELECT counts FROM coupon_uses"),
        shop.service.rows("SELECT counts FROM promotion_uses"),
        [name for name in shop.service.types() if name in own],
    ]


@pytest.mark.parametrize(("method", "counts"), [("tok_ok", 1), ("tok_declined", 0)])
def test_a_use_survives_a_kill_at_every_step(
    make_shop: Any, tmp_path: Path, method: str, counts: int
) -> None:
    """After a crash a declined buyer would have lost the coupon, or a paid one have it again."""
    expected = bought_with_a_coupon(make_shop(tmp_path / "undisturbed"), method)
    shop, killer = make_shop(tmp_path / "killed"), Killer()
    set_hook(killer)
    try:
        killed = bought_with_a_coupon(shop, method)
    finally:
        set_hook(None)
    assert killed == expected
    assert expected[:2] == [[{"counts": counts}], [{"counts": counts}]]
    assert killer.kills["order_process.before_commit"] >= 1
