"""What comes from outside, on PostgreSQL: several at once, and reports that the database sums."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from chassis.testing.contexts import NOW
from commerce.marketplace_simulator import Bought, Trade

pytestmark = pytest.mark.servers

PRICE = {"amount": 129000, "currency": "TWD"}
PHONE = "00000000-0000-0000-0000-000000000077"
SOLD = Trade(tid="2580001", lines=[Bought(outer_id="shirt", num=2, payment="99.99")],
             payment="99.99")  # fmt: skip


@pytest.fixture
def big_shop(shop: Any, tmp_path: Path, postgresql_url: str) -> Any:
    """Give a shop on PostgreSQL."""
    directory = tmp_path / "postgresql"
    directory.mkdir()
    return type(shop)(directory, database_url=postgresql_url).stocked(shirt=9)


def receipt(shop: Any, no: int) -> str:
    told = {
        "receipt_no": f"R-{no}",
        "lines": [{"sku": "shirt", "qty": 1, "price": PRICE}],
        "paid_at": NOW.isoformat(),
        "paid_with": "card",
        "phone_id": PHONE,
    }
    return str(shop.service.post("/v1/stores/taipei/purchases", told)["order_id"])


def test_tills_and_marketplaces_that_speak_at_once_are_heard_once(
    big_shop: Any, make_market: Any
) -> None:
    """Two tills, or a message and its repetition, would sell the same goods or fail each other."""
    shop, market = big_shop, make_market(big_shop)
    store = {"store_id": "taipei", "name": "T", "address": "T", "region": "T", "zone": "UTC",
             "position": {"latitude": 25.03, "longitude": 121.56}}  # fmt: skip
    assert shop.service.call("POST", "/v1/stores", store).status_code == 204
    market.simulator.paid(SOLD)
    (message,) = market.simulator.untold
    with ThreadPoolExecutor(4) as outside:
        receipts = outside.map(lambda no: receipt(shop, no % 3), range(9))
        told = [outside.submit(market.simulator._deliver, message) for _ in range(4)]
        orders = set(receipts)
    assert [attempt.result() for attempt in told] == [200] * 4
    market.settle()

    assert len(orders) == len(shop.service.happened("stock_shipped")) == 3
    shop.service.receive(
        "identity",
        "phone_verified",
        {"phone_id": PHONE, "person_id": "p", "valid_until": "2030-01-01T00:00:00Z"},
        stream="phone-1",
    )
    mine = shop.service.get("/v1/persons/p/orders")["orders"]
    assert {order["order_id"] for order in mine} == orders
    assert market.order()["status"] == "confirmed"
    found = shop.service.get("/v1/stores?near=25.0,121.5&region=T")
    assert [entry["store_id"] for entry in found] == ["taipei"]


def test_the_database_sums_what_the_log_says(big_shop: Any) -> None:
    """The live report and that of the log's head would differ by what the database rounds."""
    shop = big_shop
    for method in ("tok_ok", "tok_declined", "tok_late_captured", "tok_capture_fails"):
        shop.order(("shirt", 1), method=method)
    back = shop.order(("shirt", 2))
    shop.settle()
    shop.goods(back, "ship", carrier="post")
    shop.goods(back, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    shop.later(16)

    head = shop.service.happened()[-1].envelope.position
    live = shop.service.get("/v1/reports/money")
    assert live == shop.service.get(f"/v1/reports/money?position={head}")
    assert [report["difference"] for report in live] == [0]
    (day,) = shop.service.get("/v1/reports/reaction-times?since=2026-05-06&until=2026-05-06")
    assert (day["orders"], day["reserved"]["count"]) == (5, 5)
    origins = shop.service.get("/v1/reports/origins?day=2026-05-06")
    assert [entry["platform"] for entry in origins["origins"]] == ["weibo"]
