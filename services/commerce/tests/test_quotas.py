"""A tenant that used up its quotas sells nothing new, and everything it sold comes to its end."""

from typing import Any

from chassis.testing.contexts import NOW
from commerce.marketplace_simulator import Bought, Trade

SHIRT = Trade(
    tid="2580001", lines=[Bought(outer_id="shirt", num=1, payment="149.00")], payment="149.00"
)
NOTHING = (
    "commands_a_day", "commands_a_month", "events_a_day", "events_a_month", "requests_a_minute",
    "stored_events", "products",
)  # fmt: skip


def limit(service: Any, **limits: int) -> None:
    named = [{"name": name, "limit": most} for name, most in limits.items()]
    service.receive("identity", "tenant_quotas_set", {"zone": "Asia/Taipei", "limits": named})
    service.storage.quotas.look_again()


def close(service: Any) -> None:
    limit(service, **dict.fromkeys(NOTHING, 0))


def test_products_are_limited_and_a_listed_one_can_still_be_priced(shop: Any) -> None:
    """A full catalogue could not be changed any more, or would grow without end."""
    shop.stocked(shirt=0)
    limit(shop.service, products=2)
    shop.stocked(shoes=0)
    price = {"amount": 1000, "currency": "TWD"}
    body = {"sku": "hat", "title": "hat", "list": price, "sale": price}
    refused = shop.service.call("POST", "/v1/products", body)
    again = shop.service.call("POST", "/v1/products", {**body, "sku": "shoes", "title": "shoes"})

    assert (refused.status_code, refused.json["code"]) == (403, "quota_exceeded")
    assert refused.json["quota"] == {"name": "products", "limit": 2, "ends": None}
    assert again.status_code == 201
    assert "hat" not in str(shop.service.happened("product_listed"))


def test_an_order_is_paid_sent_and_refunded_with_nothing_left(shop: Any) -> None:
    """Money that a buyer has paid would not be noted, or goods not sent."""
    shop.stocked(shirt=2)
    order_id = shop.order(("shirt", 2))
    close(shop.service)
    shop.settle()  # the provider's callbacks, and the process that follows
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    shop.settle()
    refused = shop.service.call("GET", "/v1/products")
    limit(shop.service)

    assert refused.status_code == 429
    assert shop.callbacks
    assert set(shop.callbacks) <= {200, 201, 204}
    assert shop.money()["refunded"] == 149000
    shop.money_adds_up_at_every_position()


def test_an_order_can_be_cancelled_and_a_payment_that_fails_gives_its_goods_back(
    shop: Any,
) -> None:
    """Compensation would stop half-way: goods would stay held for nobody."""
    shop.stocked(shirt=3)
    kept, failing = shop.order(("shirt", 1)), shop.order(("shirt", 2), method="tok_declined")
    close(shop.service)
    path, seen = f"/v1/orders/{kept}/cancel", {"If-Match": "*"}
    cancelled = shop.service.call("POST", path, {"reason": "buyer"}, headers=seen)
    shop.later(60)
    limit(shop.service)

    assert cancelled.status_code == 200, cancelled.text
    assert shop.stock("shirt") == (3, 0, 0)
    assert shop.show(failing)["status"] in ("cancelled", "expired")


def test_a_marketplaces_messages_are_taken(market: Any) -> None:
    """What was sold elsewhere would be sold here once more."""
    close(market.shop.service)
    market.simulator.created(SHIRT)
    market.simulator.paid(SHIRT)
    market.settle()
    limit(market.shop.service)

    assert set(market.statuses) == {200}
    assert (market.order()["status"], market.refused()) == ("confirmed", [])


def test_a_tills_receipts_are_taken(shop: Any) -> None:
    """Money in the till would be missing in the books, and what was lost be sold."""
    shop.stocked(shirt=3)
    place = {"latitude": 25.0, "longitude": 121.5}
    store = {"store_id": "taipei", "name": "Taipei", "address": "1", "region": "TW-TPE"}
    shop.service.post(
        "/v1/stores",
        {
            **store,
            "zone": "Asia/Taipei",
            "position": place,
            "hours": [{"weekday": 3, "opens": "11:00", "closes": "21:30"}],
        },
    )
    shop.service.post("/v1/stock/receipts", {"sku": "shirt", "qty": 2, "location": "taipei"})
    close(shop.service)
    lines = [{"sku": "shirt", "qty": 1, "price": {"amount": 149000, "currency": "TWD"}}]
    sold = {"receipt_no": "R-1", "lines": lines, "paid_at": NOW.isoformat(), "paid_with": "cash"}
    taken = shop.service.call("POST", "/v1/stores/taipei/purchases", sold)
    counted = {"sku": "shirt", "location": "taipei", "qty": -1, "reason": "lost"}
    adjusted = shop.service.call("POST", "/v1/stock/adjustments", counted)
    refused = shop.service.call("POST", "/v1/stock/receipts", {"sku": "shirt", "qty": 1})

    assert taken.status_code == 201, taken.text
    assert adjusted.status_code == 201, adjusted.text
    assert refused.status_code == 429


def test_what_was_sold_is_metered_all_the_same(shop: Any) -> None:
    """An operator would see nothing of what a tenant's shoppers and providers cause."""
    shop.stocked(shirt=2)
    shop.order(("shirt", 1))
    shop.settle()
    usage = shop.service.get("/v1/usage?days=1")

    assert usage["stored"] == len(shop.service.happened())
    assert {"kind": "order_placed", "events": 1} in usage["days"][0]["kinds"]
