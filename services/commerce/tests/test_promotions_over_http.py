"""Prices for somebody: promotions, audiences, coupons, what they cost and give back."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from chassis.testing.contexts import NOW

FULL, TENTH_OFF = 149000, 134100
TEXTS = [{"lang": "zh-Hant", "text": "會員九折"}, {"lang": "en", "text": "10% off"}]


def moment(minutes: int = 0) -> str:
    return (NOW + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def promote(shop: Any, name: str = "tenth", **more: Any) -> Any:
    body = {"promotion_id": name, "texts": TEXTS, "discount": {"basis_points": 1000}, **more}
    return shop.service.post("/v1/promotions", body)


def issue(shop: Any, name: str = "tenth", **body: Any) -> str:
    return str(shop.service.post(f"/v1/promotions/{name}/coupons", body)["code"])


def price(shop: Any, person: str | None = "p1", minutes: int = 0, **more: str) -> Any:
    asked = {"sku": "shirt", "at": moment(minutes), **({"person_id": person} if person else {})}
    query = "&".join(f"{name}={value}" for name, value in {**asked, **more}.items())
    return shop.service.get(f"/v1/prices?{query}")


def refusal(shop: Any, body: Any) -> str:
    answer = shop.service.call("POST", "/v1/orders", body)
    assert answer.status_code == 409, answer.text
    return str(answer.json["code"])


def used(shop: Any, name: str = "tenth") -> int:
    (count,) = [
        each["used"]
        for each in shop.service.get("/v1/promotions")["promotions"]
        if each["promotion_id"] == name
    ]
    return int(count)


def enrol(shop: Any, person: str, programme: str = "club") -> None:
    data = {"member_id": str(uuid4()), "person_id": person, "programme": programme}
    shop.service.receive("identity", "member_enrolled", data)


def take_for(shop: Any, person: str, kind: str) -> None:
    data = {"person_id": person, "kind": kind, "because": "order 1"}
    shop.service.receive("identity", "customer_kind_changed", data)


@pytest.mark.requirement("C16", half="commerce")
def test_a_member_sees_and_pays_their_price_in_their_script(shop: Any) -> None:
    """Everybody would get the same price, told in a script that half of them do not read."""
    shop.stocked(shirt=9)
    promote(shop, audience="programme:club")
    enrol(shop, "p1")
    linked = {"account_id": "account-1", "person_id": "p1", "rule": "otp"}
    shop.service.receive("identity", "account_linked", linked)

    for known_as in ("p1", "account-1"):
        shown = price(shop, known_as, lang="zh-Hans-CN")
        assert shown["price"] == {"amount": TENTH_OFF, "currency": "TWD"}
        assert shown["promotion"] == {
            "promotion_id": "tenth",
            "lang": "zh-Hans",
            "text": "会员九折",
        }
    assert price(shop, "p1", lang="zh-Hant")["promotion"]["text"] == "會員九折"
    for stranger in ("p2", None):
        shown = price(shop, stranger, lang="zh-Hant")
        assert (shown["price"]["amount"], shown["promotion"]) == (FULL, None)

    order = shop.show(shop.order(("shirt", 2), person_id="account-1"))
    assert order["lines"] == [
        {
            "sku": "shirt",
            "qty": 2,
            "price": {"amount": TENTH_OFF, "currency": "TWD"},
            "promotion": "tenth",
        }
    ]
    assert order["total"]["amount"] == 2 * TENTH_OFF
    assert shop.show(shop.order(("shirt", 1), person_id="p2"))["total"]["amount"] == FULL


def test_customers_and_prospects_are_told_apart(shop: Any) -> None:
    """A welcome price would go to those who buy anyway."""
    shop.stocked(shirt=9)
    promote(shop, "welcome", audience="prospects")
    promote(shop, "thanks", audience="customers", discount={"basis_points": 500})
    take_for(shop, "p1", "existing")
    take_for(shop, "p2", "existing")
    take_for(shop, "p2", "prospect")
    assert price(shop, "p1")["promotion"]["promotion_id"] == "thanks"
    for prospect in ("p2", "p3", None):
        assert price(shop, prospect)["promotion"]["promotion_id"] == "welcome"
    merged = {"survivor": "p3", "absorbed": "p1", "link_id": "l1", "rule": "phone"}
    shop.service.receive("identity", "persons_merged", merged)
    assert price(shop, "p3")["promotion"]["promotion_id"] == "thanks"


def test_the_best_promotion_is_taken_for_each_line(shop: Any) -> None:
    """A buyer would pay more because two promotions hold at once."""
    shop.stocked(shirt=9, shoes=9)
    promote(shop, "all")
    promote(
        shop, "shirts", skus=["shirt"], discount={"amount": {"amount": 50000, "currency": "TWD"}}
    )
    promote(shop, "euros", discount={"amount": {"amount": 90000, "currency": "EUR"}})
    order = shop.show(shop.order(("shirt", 1), ("shoes", 1)))
    assert [(line["promotion"], line["price"]["amount"]) for line in order["lines"]] == [
        ("shirts", 99000),
        ("all", TENTH_OFF),
    ]


def test_a_promotion_holds_between_its_moments(shop: Any) -> None:
    """A sale would never end, or begin before it was announced."""
    shop.stocked(shirt=9)
    promote(shop, valid_from=moment(10), valid_to=moment(20))
    promote(shop, "short", valid_from=moment(30))
    seen = [price(shop, minutes=minute)["price"]["amount"] for minute in (9, 10, 19, 20, 30)]
    assert seen == [FULL, TENTH_OFF, TENTH_OFF, FULL, TENTH_OFF]
    shop.service.post("/v1/promotions/short/end")
    assert price(shop, minutes=30)["price"]["amount"] == FULL


def test_the_price_that_was_shown_still_holds_or_is_refused(shop: Any, body_of: Any) -> None:
    """Somebody would pay the full price although the page said less."""
    shop.stocked(shirt=9)
    promote(shop)
    seen = price(shop)["price"]
    line = {"sku": "shirt", "qty": 1, "price": seen}
    shop.service.post("/v1/orders", body_of(lines=[line]))
    shop.service.post("/v1/promotions/tenth/end")
    assert refusal(shop, body_of(lines=[line])) == "price_changed"


def test_a_coupon_makes_its_goods_cheaper_once(shop: Any, body_of: Any) -> None:
    """One code would serve a whole city, or not the one it was given to."""
    shop.stocked(shirt=9)
    promote(shop, needs_coupon=True)
    code = issue(shop, code="spring-10")
    assert code == "SPRING-10"
    assert price(shop)["price"]["amount"] == FULL
    assert price(shop, coupon="Spring-10")["price"]["amount"] == TENTH_OFF
    order = shop.show(shop.order(("shirt", 1), coupon="spring-10"))
    assert (order["coupon"], order["total"]["amount"]) == (code, TENTH_OFF)
    (placed,) = shop.service.happened("order_placed")
    assert (placed.event.coupon, placed.event.lines[0].promotion) == (code, "tenth")
    again = body_of(("shirt", 1), coupon=code, person_id="p2")
    assert refusal(shop, again) == "coupon_used_up"


def test_a_coupon_that_does_not_do_says_why(shop: Any, body_of: Any) -> None:
    """The buyer could not tell a typing error from a coupon that is over."""
    shop.stocked(shirt=9)
    promote(shop, "mine", needs_coupon=True)
    promote(shop, "club", needs_coupon=True, audience="programme:club")
    promote(shop, "soon", needs_coupon=True, valid_from=moment(10))
    promote(shop, "gone", needs_coupon=True)
    promote(shop, "brief", needs_coupon=True, valid_to=moment(1))
    codes = {
        "coupon_unknown": "NO-SUCH-CODE",
        "not_for_you": issue(shop, "mine", person_id="p9"),
        "promotion_not_begun": issue(shop, "soon"),
        "promotion_over": issue(shop, "gone"),
    }
    club, brief = issue(shop, "club"), issue(shop, "brief")
    shop.service.post("/v1/promotions/gone/end")
    for code, coupon in codes.items():
        assert refusal(shop, body_of(("shirt", 1), coupon=coupon)) == code
        asked = f"/v1/prices?sku=shirt&person_id=p1&coupon={coupon}&at={moment()}"
        assert shop.service.call("GET", asked).json["code"] == code
    assert refusal(shop, body_of(("shirt", 1), coupon=club)) == "not_for_you"
    shop.service.clock.advance(timedelta(minutes=1))
    assert refusal(shop, body_of(("shirt", 1), coupon=brief)) == "promotion_over"
    assert shop.service.happened("order_placed") == []
    assert shop.order(("shirt", 1), coupon=codes["not_for_you"], person_id="p9")


def test_a_coupon_that_saves_nothing_is_not_spent(shop: Any) -> None:
    """A buyer would lose a coupon for a price that everybody pays."""
    shop.stocked(shirt=9, shoes=9)
    promote(shop, "better", discount={"basis_points": 2000}, skus=["shirt"])
    promote(shop, needs_coupon=True)
    code = issue(shop)
    assert shop.show(shop.order(("shirt", 1), coupon=code))["coupon"] is None
    assert shop.show(shop.order(("shoes", 1), coupon=code))["coupon"] == code


def test_one_code_belongs_to_one_promotion(shop: Any) -> None:
    """What a code is worth would depend on chance."""
    promote(shop, "one", needs_coupon=True)
    promote(shop, "two", needs_coupon=True)
    issue(shop, "one", code="SAME-CODE")
    taken = shop.service.call("POST", "/v1/promotions/two/coupons", {"code": "same-code"})
    assert (taken.status_code, taken.json["code"]) == (409, "coupon_differs")
    body = {"uses": 3}
    first = shop.service.post("/v1/promotions/one/coupons", body, key="k1")
    assert shop.service.post("/v1/promotions/one/coupons", body, key="k1") == first
    assert first["code"] != shop.service.post("/v1/promotions/one/coupons", body)["code"]


@pytest.mark.parametrize(
    ("limits", "others"), [({"total": 1}, FULL), ({"per_person": 1}, TENTH_OFF)]
)
def test_an_automatic_promotion_that_is_used_up_leaves_the_full_price(
    shop: Any, limits: Any, others: int
) -> None:
    """The first hundred would be any number."""
    shop.stocked(shirt=9)
    promote(shop, **limits)
    assert shop.show(shop.order(("shirt", 1)))["total"]["amount"] == TENTH_OFF
    assert price(shop)["price"]["amount"] == FULL
    assert shop.show(shop.order(("shirt", 1)))["total"]["amount"] == FULL
    assert shop.show(shop.order(("shirt", 1), person_id="p2"))["total"]["amount"] == others


@pytest.mark.parametrize(
    ("method", "then", "left"),
    [("tok_ok", "", 1), ("tok_declined", "", 0), ("tok_ok", "cancel", 0)],
)
def test_an_order_that_came_to_nothing_gives_its_use_back(
    shop: Any,
    method: str,
    then: str,
    left: int,
) -> None:
    """A declined card would cost its owner the coupon."""
    shop.stocked(shirt=9)
    promote(shop, needs_coupon=True, total=1, per_person=1)
    code = issue(shop)
    order_id = shop.order(("shirt", 1), coupon=code, method=method)
    assert used(shop) == 1
    if then:
        path, body = f"/v1/orders/{order_id}/{then}", {"reason": "changed_my_mind"}
        shop.service.post(path, body, headers={"If-Match": "*"})
    shop.settle()
    assert used(shop) == left
    if not left:
        assert shop.show(shop.order(("shirt", 1), coupon=code))["coupon"] == code
        assert used(shop) == 1


def test_a_late_payment_takes_its_use_again(shop: Any) -> None:
    """A sale that came back to life would leave its coupon to be used once more."""
    shop.stocked(shirt=9)
    promote(shop, needs_coupon=True)
    code = issue(shop)
    order_id = shop.order(("shirt", 1), coupon=code, method="tok_late_captured")
    shop.later(15)
    assert (shop.show(order_id)["status"], used(shop)) == ("expired", 0)
    shop.later(1)
    assert (shop.show(order_id)["status"], used(shop)) == ("confirmed", 1)


def test_a_return_refunds_what_was_paid(shop: Any) -> None:
    """Buying cheap and sending back would earn money, or cost the buyer some."""
    shop.stocked(shirt=9)
    promote(shop)
    order_id = shop.order(("shirt", 3))
    shop.settle()
    for verb, body in (("ship", {"carrier": "post"}), ("deliver", {})):
        shop.goods(order_id, verb, **body)
    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 2}], condition="good")
    shop.settle()
    money = shop.money()
    assert (money["captured"], money["refunded"]) == (3 * TENTH_OFF, 2 * TENTH_OFF)
    assert (money["difference"], money["paid_orders"]) == (0, TENTH_OFF)


def test_a_cart_shows_the_buyers_own_price(shop: Any) -> None:
    """The cart would say another price than the till asks."""
    shop.stocked(shirt=9)
    promote(shop, audience="programme:club")
    enrol(shop, "p1")
    origin = {"platform": "weibo", "property": "page-1", "mode": "page"}
    cart = shop.service.post("/v1/carts", {"person_id": "p1", "origin": origin})
    path = f"/v1/carts/{cart['cart_id']}"
    shop.service.post(f"{path}/lines", {"sku": "shirt", "qty": 2})
    shop.settle()
    shown = shop.service.get(f"{path}?lang=en&at={moment()}")
    assert shown["lines"][0]["promotion"]["text"] == "10% off"
    assert shown["total"]["amount"] == 2 * TENTH_OFF
    body = {"person_id": "p1", "origin": origin, "payment_method": "tok_ok"}
    order = shop.service.post("/v1/orders", {**body, "cart_id": cart["cart_id"]})
    assert order["total"] == shown["total"]


def test_a_forgotten_person_leaves_no_row_and_gives_no_use_back(shop: Any) -> None:
    """Their memberships would be kept, or others could use up what they had used."""
    shop.stocked(shirt=9)
    promote(shop, audience="customers", total=1)
    promote(shop, "coupon", needs_coupon=True)
    take_for(shop, "p1", "existing")
    enrol(shop, "p1")
    issue(shop, "coupon", person_id="p1")
    shop.order(("shirt", 1))
    shop.settle()
    asked = {"request_id": str(uuid4()), "person_id": "p1", "subjects": ["p1"]}
    shop.service.receive("identity", "erasure_requested", asked)
    shop.settle()
    assert shop.service.rows("SELECT * FROM audience_members") == []
    assert shop.service.rows("SELECT * FROM coupons") == []
    uses = shop.service.rows("SELECT person_id FROM promotion_uses")
    assert uses == [{"person_id": None}]
    assert used(shop) == 1
    take_for(shop, "p2", "existing")
    assert price(shop, "p2")["price"]["amount"] == FULL
    take_for(shop, "p1", "existing")
    assert len(shop.service.rows("SELECT * FROM audience_members")) == 1  # p2's
    refused = shop.service.call("POST", "/v1/promotions/coupon/coupons", {"person_id": "p1"})
    assert refused.json["code"] == "buyer_erased"


def test_the_list_shows_every_promotion_in_pages(shop: Any) -> None:
    """Nobody could see what is on offer, or for how long."""
    for name in ("a", "b", "c"):
        promote(shop, name, valid_to=moment(60))
    first = shop.service.get("/v1/promotions?limit=2")
    second = shop.service.get(f"/v1/promotions?limit=2&cursor={first['next']}")
    shown = first["promotions"] + second["promotions"]
    assert [each["promotion_id"] for each in shown] == ["a", "b", "c"]
    assert {each["valid_to"] for each in shown} == {"2026-05-06T03:00:00+00:00"}
