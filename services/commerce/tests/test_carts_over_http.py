"""Carts as a storefront uses them: filled, shown at today's prices, ordered."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chassis.testing.contexts import NOW

ORIGIN = {"platform": "weibo", "property": "page-1", "content": "c1", "mode": "page"}
SALE = {"amount": 149000, "currency": "TWD"}


def moment(minutes: int = 0) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def opened(shop: Any, buyer: str = "p1", **lines: int) -> str:
    cart = shop.service.post("/v1/carts", {"person_id": buyer, "origin": ORIGIN})
    for sku, qty in lines.items():
        fill(shop, cart["cart_id"], sku, qty)
    return str(cart["cart_id"])


def fill(shop: Any, cart_id: str, sku: str, qty: int) -> Any:
    return shop.service.post(f"/v1/carts/{cart_id}/lines", {"sku": sku, "qty": qty})


def shown(shop: Any, cart_id: str, minutes: int = 0) -> Any:
    shop.settle()
    return shop.service.get(f"/v1/carts/{cart_id}?at={moment(minutes)}")


def ordering(cart_id: str, *lines: tuple[str, int, int], **more: Any) -> dict[str, Any]:
    priced = [
        {"sku": sku, "qty": qty, "price": {"amount": amount, "currency": "TWD"}}
        for sku, qty, amount in lines
    ]
    body = {"person_id": "p1", "origin": ORIGIN, "payment_method": "tok_ok", "cart_id": cart_id}
    return {**body, **({"lines": priced} if priced else {}), **more}


def test_a_cart_shows_todays_prices_and_what_cannot_be_bought(shop: Any) -> None:
    """The buyer would learn at the till that the price rose or the goods are gone."""
    shop.stocked(shirt=2, shoes=1, hat=5)
    ended = {"sku": "scarf", "title": "scarf", "list": SALE, "sale": SALE}
    shop.service.post("/v1/products", {**ended, "valid_to": moment(5)})
    shop.service.post("/v1/stock/receipts", {"sku": "scarf", "qty": 5})
    euro = {"amount": 900, "currency": "EUR"}
    shop.service.post("/v1/products", {"sku": "tie", "title": "tie", "list": euro, "sale": euro})
    shop.service.post("/v1/stock/receipts", {"sku": "tie", "qty": 5})
    cart_id = opened(shop, shirt=2, shoes=2, scarf=1, tie=1)

    cart = shown(shop, cart_id, minutes=10)
    why = {line["sku"]: line["unavailable"] for line in cart["lines"]}
    assert why == {
        "scarf": "not_offered",
        "shirt": None,
        "shoes": "out_of_stock",
        "tie": "other_currency",
    }
    assert cart["total"] == {"amount": 2 * 149000, "currency": "TWD"}

    fill(shop, cart_id, "shirt", 1)
    fill(shop, cart_id, "tie", 0)
    cart = shown(shop, cart_id)
    assert cart["total"] == {"amount": 2 * 149000, "currency": "TWD"}  # with the scarf in time
    assert [line["sku"] for line in cart["lines"]] == ["scarf", "shirt", "shoes"]


def test_a_cart_counts_what_can_be_sent_not_what_stores_have(shop: Any) -> None:
    """The buyer would pay for goods that the order then does not get."""
    shop.stocked(shirt=1)
    shop.service.post("/v1/stock/receipts", {"sku": "shirt", "qty": 50, "location": "taipei"})
    cart_id = opened(shop, shirt=2)

    (line,) = shown(shop, cart_id)["lines"]
    assert line["unavailable"] == "out_of_stock"


def test_a_cart_becomes_one_order(shop: Any) -> None:
    """The goods would be ordered once more with every click, or the cart stay full."""
    shop.stocked(shirt=9, shoes=9)
    cart_id = opened(shop, shirt=2, shoes=1)
    order = shop.service.post("/v1/orders", ordering(cart_id), key="k1")
    assert [(line["sku"], line["qty"]) for line in order["lines"]] == [("shirt", 2), ("shoes", 1)]
    assert shop.service.post("/v1/orders", ordering(cart_id), key="k1") == order

    cart = shown(shop, cart_id)
    assert (cart["status"], cart["order_id"]) == ("checked_out", order["order_id"])
    for refused in (
        shop.service.call("POST", "/v1/orders", ordering(cart_id)),
        shop.service.call("POST", f"/v1/carts/{cart_id}/lines", {"sku": "shirt", "qty": 1}),
    ):
        assert (refused.status_code, refused.json["code"]) == (409, "cart_checked_out")
    assert len(shop.service.happened("order_placed")) == 1
    shop.settle()
    assert shop.money()["difference"] == 0


def test_the_buyer_gets_what_the_page_showed(shop: Any) -> None:
    """A cart that was changed in another window would be bought unseen."""
    shop.stocked(shirt=9)
    cart_id = opened(shop, shirt=2)
    wrong = ordering(cart_id, ("shirt", 1, 149000))
    assert shop.service.call("POST", "/v1/orders", wrong).json["code"] == "cart_differs"
    dear = ordering(cart_id, ("shirt", 2, 148000))
    assert shop.service.call("POST", "/v1/orders", dear).json["code"] == "price_changed"
    assert shown(shop, cart_id)["status"] == "open"
    assert shop.service.post("/v1/orders", ordering(cart_id, ("shirt", 2, 149000)))


def test_what_makes_no_sense_is_refused(shop: Any) -> None:
    """A page would show a cart that nobody can order."""
    shop.stocked(shirt=9)
    cart_id = opened(shop)
    answers = {
        "cart_unknown": ("POST", f"/v1/carts/{uuid4()}/lines", {"sku": "shirt", "qty": 1}),
        "product_unknown": ("POST", f"/v1/carts/{cart_id}/lines", {"sku": "ghost", "qty": 1}),
        "nothing_ordered": ("POST", "/v1/orders", ordering(cart_id)),
        "invalid": ("POST", f"/v1/carts/{cart_id}/lines", {"sku": "shirt", "qty": -1}),
    }
    for code, (method, path, body) in answers.items():
        assert shop.service.call(method, path, body).json["code"] == code
    assert shop.service.call("GET", f"/v1/carts/{uuid4()}").status_code == 404
    unknown = shop.service.call("POST", "/v1/orders", ordering(str(uuid4())))
    assert (unknown.status_code, unknown.json["code"]) == (404, "cart_unknown")


@pytest.mark.parametrize("scope", ["commerce.read", "commerce.write"])
def test_only_who_may_write_fills_carts(shop: Any, scope: str) -> None:
    """A reader's token would change what others are about to buy."""
    body = {"person_id": "p1", "origin": ORIGIN}
    answer = shop.service.call("POST", "/v1/carts", body, scopes=[scope])
    assert answer.status_code == (201 if scope == "commerce.write" else 403)


def test_a_forgotten_buyer_opens_no_cart_and_leaves_none(shop: Any) -> None:
    """Whose cart it was, and what they asked, would stay readable for ever."""
    shop.stocked(shirt=9)
    opened(shop, "p1", shirt=1)
    asked = {"request_id": str(uuid4()), "person_id": "p1", "subjects": ["p1"]}
    shop.service.receive("identity", "erasure_requested", asked)
    shop.settle()
    assert shop.service.rows("SELECT * FROM cart_buyers") == []
    refused = shop.service.call("POST", "/v1/carts", {"person_id": "p1", "origin": ORIGIN})
    assert refused.json["code"] == "buyer_erased"
