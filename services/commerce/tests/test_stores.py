"""Stores: where they are, what they have, and who bought there by which number."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from chassis.testing.contexts import NOW

PRICE = {"amount": 129000, "currency": "TWD"}
PHONE = str(UUID(int=77))
STORES = {
    "taipei": (25.0339, 121.5645, "Taipei"),
    "banqiao": (25.0143, 121.4637, "New Taipei"),
    "tainan": (22.9908, 120.2133, "Tainan"),
}
PERSON, OTHER = "person-a", "person-b"


def opened(shop: Any, *names: str) -> Any:
    """Describe some stores, open on Wednesdays, and list two products."""
    for name in names or STORES:
        latitude, longitude, region = STORES[name]
        body = {
            "store_id": name,
            "name": f"Store {name}",
            "address": f"1, {region}",
            "region": region,
            "position": {"latitude": latitude, "longitude": longitude},
            "zone": "Asia/Taipei",
            "hours": [{"weekday": 3, "opens": "11:00", "closes": "21:30"}],
        }
        assert shop.service.call("POST", "/v1/stores", body).status_code == 204
    return shop.stocked(shirt=0, shoes=0)


def stocks(shop: Any, store: str, sku: str, qty: int) -> None:
    """Bring goods to a store."""
    shop.service.post("/v1/stock/receipts", {"sku": sku, "qty": qty, "location": store})


def receipt(no: str = "R-1", qty: int = 1, **more: Any) -> dict[str, Any]:
    lines = [{"sku": "shirt", "qty": qty, "price": PRICE}]
    paid_at = NOW.isoformat().replace("+00:00", "Z")
    return {"receipt_no": no, "lines": lines, "paid_at": paid_at, "paid_with": "cash", **more}


def one_for(amount: int) -> dict[str, Any]:
    return {"sku": "shirt", "qty": 2, "price": {**PRICE, "amount": amount}}


def buy(shop: Any, store: str = "taipei", **more: Any) -> Any:
    """Tell of a receipt."""
    return shop.service.post(f"/v1/stores/{store}/purchases", receipt(**more))


def find(shop: Any, asked: str = "") -> list[str]:
    return [store["store_id"] for store in shop.service.get(f"/v1/stores?{asked}")]


def number_is(shop: Any, person: str, name: str = "phone_verified") -> None:
    """Let identity tell whose a number is."""
    data = {"phone_id": PHONE, "person_id": person, "valid_until": "2026-08-04T02:00:00Z"}
    if name == "phone_reassigned":
        data = {"phone_id": PHONE, "from_person": PERSON, "to_person": person, "evidence": "otp"}
    shop.service.receive("identity", name, data, stream=f"phone-{PHONE}")


def orders_of(shop: Any, person: str) -> list[str]:
    shop.settle()
    found = shop.service.get(f"/v1/persons/{person}/orders")["orders"]
    return [order["order_id"] for order in found]


@pytest.mark.requirement("C13", half="commerce")
def test_a_buyer_finds_the_store_and_the_purchase_there_is_theirs(shop: Any) -> None:
    """Somebody who saw it online could not get it around the corner, and would stay unknown."""
    opened(shop)
    stocks(shop, "banqiao", "shirt", 3)
    stocks(shop, "tainan", "shirt", 1)
    shop.settle()
    near = "near=25.0330,121.5654"
    assert find(shop, near) == ["taipei", "banqiao", "tainan"]
    assert find(shop, f"{near}&sku=shirt") == ["banqiao", "tainan"]
    assert find(shop, "region=Tainan") == ["tainan"]
    (store,) = shop.service.get(f"/v1/stores?region=New%20Taipei&sku=shirt&{near}")
    assert (store["available"], store["distance_m"] // 100) == (3, 104)

    bought = buy(shop, "banqiao", qty=2, phone_id=PHONE)
    assert orders_of(shop, PERSON) == []
    number_is(shop, PERSON)

    assert orders_of(shop, PERSON) == [bought["order_id"]]
    assert shop.stuck() == []


def test_a_receipt_is_an_order_that_is_over(shop: Any) -> None:
    """Sales of the stores would be missing in the day's orders, or wait for a warehouse."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 5)
    bought = buy(shop, qty=2)
    shop.settle()

    shown = shop.show(bought["order_id"])
    assert (shown["status"], shown["fulfilment"]) == ("completed", "delivered")
    assert shown["origin"]["mode"] == "store"
    assert (shown["origin"]["platform"], shown["origin"]["property"]) == ("store", "taipei")
    assert shown["payment"]["captured"]["amount"] == shown["total"]["amount"] == 258000
    money = shop.money()
    assert (money["paid_orders"], money["captured"], money["difference"]) == (258000, 258000, 0)
    (place,) = [
        place
        for place in shop.service.get("/v1/stock/shirt")["locations"]
        if place["location"] == "taipei"
    ]
    assert (place["on_hand"], place["confirmed"]) == (3, 0)
    (placed,) = shop.service.happened("order_placed")
    assert placed.event.external_ref == "R-1"
    assert shop.provider.untold == 0
    assert shop.stuck() == []


def test_a_receipt_counts_once(shop: Any) -> None:
    """A till that was offline sends everything again: goods and money would count twice."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 5)
    with ThreadPoolExecutor(4) as tills:
        told = list(tills.map(lambda _: buy(shop, phone_id=PHONE), range(4)))
    number_is(shop, PERSON)
    number_is(shop, OTHER)
    told.append(buy(shop, phone_id=PHONE))
    shop.settle()

    assert len({order["order_id"] for order in told}) == 1
    assert len(shop.service.happened("stock_shipped")) == 1
    assert shop.money()["captured"] == PRICE["amount"]
    path = "/v1/stores/taipei/purchases"
    other = shop.service.call("POST", path, receipt(qty=2, phone_id=PHONE))
    assert (other.status_code, other.json["code"]) == (422, "order_key_reused")
    assert buy(shop, "tainan")["order_id"] != told[0]["order_id"]


def test_what_a_till_sold_stands_though_it_was_exclusive_elsewhere(shop: Any, site: Any) -> None:
    """Goods and money that changed hands would be in no report: a receipt is no request."""
    opened(shop, "taipei")
    site.announce(1, channel_exclusive="qzone")
    stocks(shop, "taipei", "redmi", 1)
    buy(shop, lines=[{"sku": "redmi", "qty": 1, "price": PRICE}])
    shop.settle()
    assert shop.service.types().count("order_confirmed") == 1
    assert "order_cancelled" not in shop.service.types()
    assert shop.money()["paid_orders"] == PRICE["amount"]


def test_what_a_till_sold_is_gone_whatever_the_count_says(shop: Any) -> None:
    """A real sale would be refused because somebody had miscounted."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 1)
    buy(shop, qty=3)
    shop.settle()

    (corrected,) = shop.service.happened("stock_adjusted")
    assert (corrected.event.qty, corrected.event.reason) == (2, "sold_at_till")
    place = shop.service.get("/v1/stock/shirt")["locations"][-1]
    assert (place["location"], place["on_hand"], place["available"]) == ("taipei", 0, 0)


def test_the_history_stays_with_the_old_owner_of_a_number(shop: Any) -> None:
    """Whoever gets a recycled number would see what a stranger bought."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 9)
    first = buy(shop, no="1", phone_id=PHONE)["order_id"]
    number_is(shop, PERSON)
    second = buy(shop, no="2", phone_id=PHONE)["order_id"]
    number_is(shop, PERSON, "phone_released")
    between = buy(shop, no="3", phone_id=PHONE)["order_id"]
    assert between not in orders_of(shop, PERSON)
    number_is(shop, OTHER, "phone_reassigned")
    number_is(shop, OTHER)
    third = buy(shop, no="4", phone_id=PHONE)["order_id"]

    assert sorted(orders_of(shop, PERSON)) == sorted([first, second])
    assert sorted(orders_of(shop, OTHER)) == sorted([between, third])


def test_persons_who_are_merged_share_their_purchases(shop: Any) -> None:
    """A buyer with two numbers would stay two buyers."""
    opened(shop)
    number_is(shop, PERSON)
    bought = buy(shop, phone_id=PHONE)["order_id"]
    merge = {"survivor": OTHER, "absorbed": PERSON}
    shop.service.receive("identity", "persons_merged", {**merge, "link_id": "l", "rule": "r"})
    number_is(shop, OTHER)
    later = buy(shop, no="2", phone_id=PHONE)["order_id"]

    assert sorted(orders_of(shop, OTHER)) == sorted([bought, later])
    assert sorted(orders_of(shop, PERSON)) == sorted([bought, later])


def test_persons_who_are_told_apart_again_have_their_own_purchases(shop: Any) -> None:
    """A wrong merge would stay: one would see what the other bought, for ever."""
    opened(shop, "taipei")
    number_is(shop, OTHER)
    theirs = str(buy(shop, phone_id=PHONE)["order_id"])
    link = {"account_id": "account-1", "person_id": OTHER}
    shop.service.receive("identity", "account_linked", link)
    merged = {"survivor": PERSON, "absorbed": OTHER}
    shop.service.receive("identity", "persons_merged", merged)
    assert orders_of(shop, PERSON) == [theirs]

    split = {"to_person": OTHER, "accounts": ["account-1"]}
    shop.service.receive("identity", "person_split", split)
    assert (orders_of(shop, PERSON), orders_of(shop, OTHER)) == ([], [theirs])
    mine = shop.service.rows("SELECT member, person FROM person_links ORDER BY member")
    assert [(row["member"], row["person"]) for row in mine] == [
        ("account-1", OTHER),
        (f"phone-{PHONE}", OTHER),
    ]

    shop.service.receive("identity", "account_unlinked", {**link, "person_id": PERSON})
    shop.service.receive("identity", "account_unlinked", link)
    left = shop.service.rows("SELECT member FROM person_links")
    assert [row["member"] for row in left] == [f"phone-{PHONE}"]


def test_a_forgotten_buyer_is_forgotten_in_the_stores_too(shop: Any) -> None:
    """Purchases by number would still lead to somebody who asked to be forgotten."""
    opened(shop)
    number_is(shop, PERSON)
    buy(shop, phone_id=PHONE)
    data = {"request_id": str(UUID(int=5)), "person_id": PERSON, "subjects": [PERSON]}
    shop.service.receive("identity", "erasure_requested", data)
    shop.settle()

    (placed,) = shop.service.happened("order_placed")
    assert placed.event.payment_method is None
    for table in ("person_orders", "person_links"):
        assert shop.service.rows(f"SELECT * FROM {table}") == []  # noqa: S608  # our own names
    assert shop.service.rows("SELECT person FROM phone_owners") == [{"person": None}]
    again = buy(shop, no="2", person_id=PERSON)
    assert orders_of(shop, PERSON) == []
    assert shop.show(again["order_id"])["status"] == "completed"


def test_goods_that_come_back_to_the_till_are_paid_back_by_the_till(shop: Any) -> None:
    """Our provider would be asked for money that it never had; or nobody would pay it back."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 2)
    order_id = buy(shop, qty=2)["order_id"]
    path = "/v1/stores/taipei/purchases/R-1/refunds"
    early = shop.service.call("POST", path, {"amount": PRICE})
    assert (early.status_code, early.json["code"]) == (404, "refund_unknown")
    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    shop.settle()
    assert shop.money()["refunding"] == PRICE["amount"]

    assert shop.service.call("POST", path, {"amount": PRICE}).status_code == 204
    shop.settle()

    shop.money_adds_up_at_every_position()
    money = shop.money()
    assert (money["refunded"], money["refunding"], money["difference"]) == (PRICE["amount"], 0, 0)
    assert shop.provider.untold == 0
    assert shop.stuck() == []


def test_several_returns_may_be_paid_back_in_one_sum(shop: Any) -> None:
    """A till that gave the money for two pieces at once could not say so."""
    opened(shop)
    stocks(shop, "taipei", "shirt", 3)
    order_id = buy(shop, qty=3)["order_id"]
    for _ in range(3):
        shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
        shop.settle()
    path = "/v1/stores/taipei/purchases/R-1/refunds"
    for pieces, status in ((4, 404), (2, 204), (2, 404), (1, 204)):
        amount = {**PRICE, "amount": pieces * PRICE["amount"]}
        assert shop.service.call("POST", path, {"amount": amount}).status_code == status
    shop.settle()
    money = shop.money()
    assert (money["refunded"], money["refunding"]) == (3 * PRICE["amount"], 0)
    assert (money["difference"], shop.stuck()) == (0, [])


@pytest.mark.parametrize(
    ("store", "changes", "status", "code"),
    [
        ("nowhere", {}, 404, "store_unknown"),
        ("taipei", {"phone_id": PHONE, "person_id": PERSON}, 422, "buyer_named_twice"),
        ("taipei", {"paid_at": "2027-01-01T00:00:00Z"}, 422, "paid_in_the_future"),
        ("taipei", {"lines": [{"sku": "hat", "qty": 1, "price": PRICE}]}, 404, "product_unknown"),
        ("taipei", {"paid_with": "shells"}, 400, "invalid"),
        ("taipei", {"lines": [one_for(-5)]}, 400, "invalid"),
        ("taipei", {"lines": [one_for(2**62)]}, 400, "invalid"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused(
    shop: Any, store: str, changes: dict[str, Any], status: int, code: str
) -> None:
    """A mistake of a till would become an order."""
    opened(shop)
    before = shop.service.types()
    refused = shop.service.call("POST", f"/v1/stores/{store}/purchases", {**receipt(), **changes})
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert shop.service.types() == before


def test_a_store_says_when_it_is_open(shop: Any) -> None:
    """A buyer would stand before a closed door: in the store's zone, not in ours."""
    opened(shop, "taipei")
    shop.settle()
    opens = {
        at: shop.service.get(f"/v1/stores?at={at}")[0]["open"]
        for at in ("2026-05-06T02:59:00Z", "2026-05-06T03:00:00Z", "2026-05-07T03:00:00Z")
    }
    assert list(opens.values()) == [False, True, False]
    bad = {"store_id": "x", "name": "x", "address": "x", "region": "x", "zone": "Mars/Olympus",
           "position": {"latitude": 0, "longitude": 0}}  # fmt: skip
    refused = shop.service.call("POST", "/v1/stores", bad)
    assert (refused.status_code, refused.json["code"]) == (422, "zone_unknown")


def test_no_store_stands_where_a_drop_keeps_its_goods(shop: Any, site: Any) -> None:
    """Its till would sell what is set aside for those who stand in line."""
    opened(shop)
    bad = {"store_id": f"drop-{site.announce(2)}", "name": "x", "address": "x", "region": "x",
           "zone": "Asia/Taipei", "position": {"latitude": 0, "longitude": 0}}  # fmt: skip
    before = shop.service.types()
    for path, body in (("/v1/stores", bad), (f"/v1/stores/{bad['store_id']}/purchases", receipt())):
        refused = shop.service.call("POST", path, body)
        assert (refused.status_code, refused.json["code"]) == (409, "location_of_drop")
    assert shop.service.types() == before
