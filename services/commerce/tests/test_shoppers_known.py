"""Shoppers whom the shop knows, and those who want to be forgotten: the real way, over HTTP."""

from typing import Any
from uuid import UUID

import pytest

from shopper import HOST, MALL_HOST, SETTINGS, WHO, Seen, Shopper, picture

STRANGER = f"visitor-{'0' * 32}"
PERSON_FORGOTTEN = {
    "request_id": str(UUID(int=3)),
    "person_id": "p1",
    "subjects": ["p1", "account-1"],
}


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shopper(shop: Any) -> Shopper:
    shop.stocked(shirt=20, hat=5)
    shop.stocked(per_person=2, bag=9)
    shop.settle()
    return Shopper(shop)


def visitor_of(page: Seen) -> str:
    """Return the number that the page of a limited product shows."""
    return page.text.partition("<code>")[2].partition("</code>")[0]


def link(shop: Any, visitor: str, person: str = "p1") -> Any:
    body = {"visitor": visitor, "person_id": person}
    return shop.service.call("POST", "/v1/buyers/links", body)


def bought(shopper: Shopper, path: str = "/buy/shirt") -> tuple[str, str]:
    """Buy, pay, and return the order with its buyer."""
    page = shopper.decide(shopper.buy(path), "pay")
    assert "已付款" in page.text
    placed = shopper.shop.service.happened("order_placed")[-1].event
    return str(placed.order_id), placed.person_id


def parcel(shop: Any, order_id: str) -> Any:
    return shop.service.get(f"/v1/orders/{order_id}/parcel")


def cookie(shopper: Shopper, name: str) -> str | None:
    found = shopper.client.get_cookie(name, domain=HOST)
    return found.value if found else None


def test_an_erasure_of_a_person_forgets_the_visitors_that_they_were(
    shop: Any, shopper: Shopper
) -> None:
    """Identity never sends a visitor: a parcel's name and address would be readable for ever."""
    order_id, visitor = bought(shopper)
    other_id, _ = bought(other := Shopper(shop))
    assert link(shop, visitor).status_code == 201

    shop.service.receive("identity", "erasure_requested", PERSON_FORGOTTEN)
    shop.settle()

    assert parcel(shop, order_id) == {
        "order_id": order_id,
        "name": None,
        "phone": None,
        "address": None,
    }
    assert parcel(shop, other_id)["name"] == WHO["name"]
    (confirmed,) = shop.service.happened("erasure_confirmed")
    assert confirmed.event.subjects == ("p1", "account-1", visitor)
    assert shop.service.rows("SELECT * FROM person_links") == []
    assert link(shop, visitor, "p2").json["code"] == "buyer_erased"
    assert link(shop, STRANGER).json["code"] == "buyer_erased"
    assert shopper.buy().status == 409
    assert other.buy().status == 303


def test_what_a_visitor_buys_is_what_the_person_buys(shop: Any, shopper: Shopper) -> None:
    """A limit would fall to a fresh cookie, and nobody would see what a customer bought."""
    order_id, visitor = bought(shopper)
    assert shop.service.get("/v1/persons/p1/orders")["orders"] == []
    link(shop, visitor)
    (seen,) = shop.service.get("/v1/persons/p1/orders")["orders"]
    assert seen["order_id"] == order_id

    again = Shopper(shop)
    second = visitor_of(again.get("/buy/bag"))
    link(shop, second)
    bought(shopper, "/buy/bag")
    bought(again, "/buy/bag")
    full = shopper.buy("/buy/bag")
    assert (full.status, "購買上限" in full.text) == (409, True)


def test_a_programmes_price_reaches_a_shopper_who_is_known(shop: Any, shopper: Shopper) -> None:
    """Members would pay what strangers pay in their own shop."""
    data = {"member_id": str(UUID(int=9)), "person_id": "p1", "programme": "club"}
    shop.service.receive("identity", "member_enrolled", data)
    texts = [{"lang": "en", "text": "For members"}]
    terms = {"promotion_id": "club", "texts": texts, "discount": {"basis_points": 1000}}
    shop.service.post("/v1/promotions", {**terms, "audience": "programme:club"})
    shop.settle()
    visitor = visitor_of(shopper.get("/buy/bag"))
    assert "NT$1,341" not in shopper.get("/buy/shirt").text

    link(shop, visitor)

    assert "NT$1,341" in shopper.get("/buy/shirt").text


def test_an_unanswered_enquiry_explains_a_known_shoppers_cart(shop: Any, shopper: Shopper) -> None:
    """A sale lost in the own shop for lack of an answer would never be seen as one."""
    shopper.send(shopper.get("/products/hat"))
    shopper.send(shopper.get("/products/bag"))
    link(shop, visitor_of(shopper.get("/cart")))
    account = str(UUID(int=77))
    linked = {"account_id": account, "person_id": "p1", "rule": "otp"}
    shop.service.receive("identity", "account_linked", linked)
    opened = {
        "case_id": str(UUID(int=78)),
        "turn": 1,
        "author_account": account,
        "type": "consultation",
        "clock_started_at": shop.service.clock.now().isoformat(),
        "product_refs": ["hat"],
    }
    shop.service.receive("listening", "case_opened", opened)
    shop.later(61)
    report = shop.service.get("/v1/reports/abandonment")
    assert (report["abandoned"], report["lost_for_lack_of_service"]) == (1, 1)


def test_a_visitor_is_one_person(shop: Any) -> None:
    """Two persons would be mixed up, and one's erasure would take the other's orders."""
    for _ in range(2):
        assert link(shop, STRANGER).status_code == 201
    assert len(shop.service.happened("buyer_linked")) == 1
    elsewhere = link(shop, STRANGER, "p2")
    assert (elsewhere.status_code, elsewhere.json["code"]) == (409, "buyer_linked_elsewhere")
    shop.service.receive("identity", "persons_merged", {"survivor": "p2", "absorbed": "p1"})
    assert link(shop, STRANGER, "p2").status_code == 201
    for visitor, person in (("visitor-7", "p1"), (STRANGER, STRANGER), (STRANGER, "phone-1")):
        assert link(shop, visitor, person).status_code == 400
    body = {"visitor": STRANGER, "person_id": "p1"}
    refused = shop.service.call("POST", "/v1/buyers/links", body, scopes=["commerce.read"])
    assert refused.status_code == 403


def test_a_limited_product_is_not_sold_to_a_stranger(shop: Any, shopper: Shopper) -> None:
    """Whoever throws their cookie away would buy the limited goods again and again."""
    form = shopper.get("/buy/shirt").form
    page = shopper.get("/buy/bag", **{"Accept-Language": "en"})
    assert (page.forms, "only to buyers whom the shop knows" in page.text) == ([], True)
    shopper.send(shopper.get("/products/bag"))
    cart = shopper.get("/cart")
    assert visitor_of(cart) == visitor_of(page)
    assert [each.action for each in cart.forms] == ["/cart/lines"]

    shop.stocked(per_person=1, shirt=1)
    late = shopper.post("/buy/shirt", {**form.fields, **WHO})

    assert (late.status, "每人限購" in late.text) == (409, True)
    assert shop.service.happened("order_placed") == []
    link(shop, visitor_of(page))
    assert shopper.buy("/buy/bag").status == 303


def test_a_shopper_is_forgotten_at_their_own_wish(shop: Any, shopper: Shopper) -> None:
    """Without an account nobody could make the shop forget their name and address."""
    order_id, visitor = bought(shopper)
    shopper.send(shopper.get("/products/hat"))
    for verb, more in (("ship", {"carrier": "post", "no": "RR123456785TW"}), ("deliver", {})):
        shop.goods(order_id, verb, **more)
    shop.settle()
    page = shopper.get(f"/orders/{order_id}")
    (asks,) = page.links_to("/forget")
    assert "永久忘記" in shopper.get(asks).text
    assert parcel(shop, order_id)["name"] == WHO["name"]

    done = shopper.send(shopper.get(asks))

    assert (done.status, done.location) == (303, "/forgotten")
    assert "已經忘記" in shopper.get(done.location).text
    assert (cookie(shopper, "visitor"), cookie(shopper, "cart")) == (None, None)
    assert parcel(shop, order_id)["name"] is None
    for row in ("person_orders", "buyers", "cart_buyers"):
        assert shop.service.rows(f"SELECT * FROM {row}") == []  # noqa: S608  # our own names
    (confirmed,) = shop.service.happened("erasure_confirmed")
    assert confirmed.event.subjects == (visitor,)
    assert shopper.get(f"/orders/{order_id}").status == 404
    assert shopper.buy().status == 303


def test_a_double_click_forgets_once(shop: Any, shopper: Shopper) -> None:
    """The second click would be told that something is wrong, or confirm a second erasure."""
    shopper.get("/buy/shirt")
    page, mine = shopper.get("/forget"), cookie(shopper, "visitor")
    assert mine is not None
    first = shopper.send(page)
    shopper.client.set_cookie("visitor", mine, domain=HOST)
    second = shopper.send(page)
    assert (first.status, second.status, second.location) == (303, 303, first.location)
    assert len(shop.service.happened("erasure_confirmed")) == 1


def test_nobody_is_forgotten_while_their_parcel_needs_its_address(
    shop: Any, shopper: Shopper
) -> None:
    """Paid goods could not be sent to anybody."""
    waiting = shopper.buy()
    early = shopper.send(shopper.get("/forget"))
    shopper.decide(waiting, "pay")
    packed = shopper.send(shopper.get("/forget?lang=en"))
    for refused, word in ((early, "正在付款或備貨"), (packed, "still being paid or packed")):
        assert (refused.status, word in refused.text) == (409, True)
    order_id = str(shop.service.happened("order_placed")[0].event.order_id)
    assert parcel(shop, order_id)["name"] == WHO["name"]
    assert shop.service.happened("erasure_confirmed") == []
    shop.goods(order_id, "ship", carrier="post", no="RR123456785TW")
    assert shopper.send(packed).status == 303


def test_only_the_shoppers_own_form_forgets_them(shop: Any, shopper: Shopper) -> None:
    """Another site could erase what a shopper wants kept."""
    assert "<form" not in shopper.get("/forget").text
    shopper.get("/buy/shirt")
    form = shopper.get("/forget").form
    stranger = Shopper(shop)
    stranger.get("/buy/shirt")
    assert stranger.post("/forget", form.fields).status == 403
    bare = {name: text for name, text in form.fields.items() if name != "sure"}
    assert shopper.post("/forget", bare).status == 400
    assert shop.service.happened("erasure_confirmed") == []
    shopper.get("/forgotten")
    assert cookie(shopper, "visitor") is not None


def test_a_merchant_outside_the_mall_shows_no_pictures_in_it(shop: Any) -> None:
    """A shop that never opened in the mall would be served there file by file."""
    path = f"/media/{picture(shop)['asset']}"
    shopper = Shopper(shop)
    in_mall = f"https://{MALL_HOST}/mall/acme{path}"
    assert (shopper.get(path).status, shopper.get(in_mall).status) == (200, 404)
    shop.service.post("/v1/storefront", {"name": "Acme", "in_shared_mall": True})
    shop.settle()
    assert shopper.get(in_mall).status == 200


def test_an_order_names_no_cart_of_somebody_else(shop: Any, body_of: Any) -> None:
    """Whoever guesses a cart would empty it, and it would count as bought by its buyer."""
    shop.stocked(shirt=5)
    origin = {"platform": "web", "property": "site", "mode": "web"}
    cart = shop.service.post("/v1/carts", {"person_id": STRANGER, "origin": origin})["cart_id"]
    shop.service.post(f"/v1/carts/{cart}/lines", {"sku": "shirt", "qty": 1})
    order = body_of(("shirt", 1), cart_id=cart)

    refused = shop.service.call("POST", "/v1/orders", order)

    assert (refused.status_code, refused.json["code"]) == (409, "cart_of_other")
    link(shop, STRANGER)
    assert shop.service.call("POST", "/v1/orders", order).status_code == 201
