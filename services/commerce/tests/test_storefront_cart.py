"""The storefront's cart: filled from product pages, changed, ordered as a whole; and promotions."""

from typing import Any

import pytest

from shopper import HOST, SETTINGS, WHO, Form, Seen, Shopper


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shopper(shop: Any) -> Shopper:
    shop.stocked(shirt=20, hat=5)
    shop.settle()
    return Shopper(shop)


def added(shopper: Shopper, *skus: str) -> Seen:
    for sku in skus:
        answer = shopper.send(shopper.get(f"/products/{sku}"))
        assert (answer.status, answer.location) == (303, "/cart")
    shopper.shop.settle()
    return shopper.get("/cart")


def forms(page: Seen, action: str) -> list[Form]:
    return [form for form in page.forms if form.action == action]


def sent(shopper: Shopper, form: Form, **typed: str) -> Seen:
    return shopper.post(form.action, {**form.fields, **typed})


def test_a_cart_is_filled_changed_ordered_and_paid(shop: Any, shopper: Shopper) -> None:
    """Whoever wants two things would have to pay two parcels."""
    page = added(shopper, "shirt", "hat", "shirt")
    assert "NT$4,470" in page.text
    hat = next(each for each in forms(page, "/cart/lines") if each.fields["sku"] == "hat")
    assert sent(shopper, hat, qty="2").location == "/cart"
    page = shopper.get("/cart")
    assert "NT$5,960" in page.text
    (order,) = forms(page, "/cart/order")
    bought, again = (sent(shopper, order, **WHO) for _ in range(2))
    assert (bought.status, bought.location) == (303, again.location)
    paid = shopper.decide(bought, "pay")
    assert "已付款" in paid.text
    (placed,) = shop.service.happened("order_placed")
    assert [(line.sku, line.qty) for line in placed.event.lines] == [("hat", 2), ("shirt", 2)]
    origin = placed.event.origin
    assert (origin.platform, origin.property, origin.mode) == ("web", HOST, "web")
    assert shop.service.happened("cart_checked_out")
    assert "購物車是空的" in shopper.get("/cart").text
    assert shop.money()["difference"] == 0


def test_a_line_of_none_leaves_the_cart(shopper: Shopper) -> None:
    """Nobody could take anything out again."""
    page = added(shopper, "shirt", "hat")
    first, _ = forms(page, "/cart/lines")
    sent(shopper, first, qty="0")
    assert len(forms(shopper.get("/cart"), "/cart/lines")) == 1


def test_a_cart_is_its_visitors_alone(shop: Any, shopper: Shopper) -> None:
    """Somebody would see, or order, what another one put together."""
    added(shopper, "shirt")
    cart = shopper.client.get_cookie("cart", domain=HOST)
    assert cart is not None
    assert (cart.http_only, cart.secure, cart.same_site) == (True, True, "Lax")
    stranger = Shopper(shop)
    stranger.get("/products/shirt")
    stranger.client.set_cookie("cart", cart.value, domain=HOST)
    assert "購物車是空的" in stranger.get("/cart").text
    (mine,) = forms(shopper.get("/cart"), "/cart/order")
    assert sent(stranger, mine, **WHO).status == 403
    assert shop.service.happened("order_placed") == []


def test_what_changed_since_the_cart_was_shown_is_shown_first(shop: Any, shopper: Shopper) -> None:
    """The buyer would pay for something else than the page said."""
    (order,) = forms(added(shopper, "shirt"), "/cart/order")
    added(shopper, "hat")
    differs = sent(shopper, order, **WHO)
    assert (differs.status, "購物車剛剛改變了" in differs.text) == (409, True)
    (order,) = forms(differs, "/cart/order")
    price = {"amount": 159000, "currency": "TWD"}
    body = {"sku": "shirt", "title": "shirt", "list": price, "sale": price}
    shop.service.post("/v1/products", body)
    dearer = sent(shopper, order)
    assert (dearer.status, "價格剛剛改變" in dearer.text) == (409, True)
    wrong = sent(shopper, forms(dearer, "/cart/order")[0], phone="1")
    assert (wrong.status, '<a href="#phone">' in wrong.text) == (400, True)
    nonsense = sent(shopper, forms(wrong, "/cart/order")[0], phone="123456", seen="[1")
    assert nonsense.status == 400
    assert shop.service.happened("order_placed") == []
    assert sent(shopper, forms(wrong, "/cart/order")[0], phone="123456").status == 303


def test_what_is_not_there_any_more_has_to_leave_the_cart(shop: Any, shopper: Shopper) -> None:
    """The whole cart would be ordered and called off."""
    page = added(shopper, *["hat"] * 5)
    shop.order(("hat", 3), person_id="p9")
    shop.settle()
    (order,) = forms(page, "/cart/order")
    refused = sent(shopper, order, **WHO)
    assert (refused.status, "請減少數量" in refused.text) == (409, True)
    assert forms(refused, "/cart/order") == []


def test_a_promotion_makes_the_price_of_the_page_and_of_the_order(
    shop: Any, shopper: Shopper
) -> None:
    """The page would show one price and the order be refused for another, again and again."""
    texts = [{"lang": "zh-Hant", "text": "會員九折"}, {"lang": "en", "text": "10% off"}]
    body = {"promotion_id": "tenth", "texts": texts, "discount": {"basis_points": 1000}}
    shop.service.post("/v1/promotions", body)
    shop.settle()
    page = shopper.get("/buy/shirt")
    assert "NT$1,341" in page.text
    assert shopper.send(page, **WHO).status == 303
    (placed,) = shop.service.happened("order_placed")
    assert (placed.event.total.amount, placed.event.lines[0].promotion) == (134100, "tenth")
    assert "會員九折" in added(shopper, "hat").text
