"""What a client sees: prices, origins, limits, keys and entity tags."""

from typing import Any

import pytest

ORIGIN = {"platform": "citiesocial", "property": "fan-page", "mode": "page"}


@pytest.mark.requirement("Z30")
def test_a_price_carries_currency_list_and_sale_price(shop: Any) -> None:
    """The buyer could not see that NT$1490 is less than NT$2480."""
    shop.stocked(shirt=0)
    shop.settle()

    (shown,) = shop.service.get("/v1/products")["products"]
    assert shown["list"] == {"amount": 248000, "currency": "TWD"}
    assert shown["sale"] == {"amount": 149000, "currency": "TWD"}


@pytest.mark.requirement("Z27")
@pytest.mark.parametrize("mode", ["page", "web"])
def test_an_order_says_whether_it_comes_from_the_page_or_the_web_shop(
    shop: Any, body_of: Any, mode: str
) -> None:
    """Nobody could tell which shop earned the money; an order without an origin is refused."""
    shop.stocked(shirt=9)
    origin = {**ORIGIN, "mode": mode}
    order_id = shop.order(("shirt", 1), origin=origin)
    shop.settle()
    assert shop.show(order_id)["origin"]["mode"] == mode
    (placed,) = shop.service.happened("order_placed")
    assert (placed.event.origin.mode, placed.event.origin.property) == (mode, "fan-page")

    for gap in ({}, {**origin, "platform": ""}, {**origin, "property": ""}, {**origin, "mode": ""}):
        refused = shop.service.call("POST", "/v1/orders", body_of(("shirt", 1), origin=gap))
        assert refused.status_code == 400
    without = {key: value for key, value in body_of(("shirt", 1)).items() if key != "origin"}
    assert shop.service.call("POST", "/v1/orders", without).status_code == 400
    assert len(shop.service.happened("order_placed")) == 1


def test_the_same_key_again_is_the_same_order(shop: Any, body_of: Any) -> None:
    """A second click would order twice; another order under an old key would vanish."""
    shop.stocked(shirt=9)
    body = body_of(("shirt", 1))
    first = shop.service.post("/v1/orders", body, key="k1")
    shop.settle()

    assert shop.service.post("/v1/orders", body, key="k1") == first
    other = shop.service.call("POST", "/v1/orders", body_of(("shirt", 2)), key="k1")
    assert other.status_code == 422
    assert len(shop.service.happened("order_placed")) == 1


def test_a_stale_cancellation_is_refused(shop: Any) -> None:
    """Somebody would cancel an order that was paid since they looked at it."""
    shop.stocked(shirt=9)
    order_id = shop.order(("shirt", 1))
    seen = shop.service.call("GET", f"/v1/orders/{order_id}").headers["ETag"]
    shop.settle()

    def cancel(**headers: str) -> Any:
        body = {"reason": "changed_my_mind"}
        return shop.service.call("POST", f"/v1/orders/{order_id}/cancel", body, headers=headers)

    assert cancel(**{"If-Match": seen}).status_code == 412
    assert cancel().status_code == 428
    assert cancel(**{"If-Match": "*"}).json["code"] == "already_confirmed"


def test_the_limit_counts_persons_not_accounts(shop: Any, body_of: Any) -> None:
    """Somebody with three accounts would buy three times as many as one may."""
    shop.stocked(per_person=2, shirt=9)
    shop.order(("shirt", 1), person_id="account-1")
    shop.order(("shirt", 1), person_id="p2")
    linked = {"account_id": "account-1", "person_id": "p1", "rule": "otp"}
    shop.service.receive("identity", "account_linked", linked)
    merged = {"survivor": "p1", "absorbed": "p2", "link_id": "l1", "rule": "phone"}
    shop.service.receive("identity", "persons_merged", merged)

    for buyer in ("p1", "p2", "account-1"):
        body = body_of(("shirt", 1), person_id=buyer)
        refused = shop.service.call("POST", "/v1/orders", body)
        assert (refused.status_code, refused.json["code"]) == (409, "person_limit_reached")
    assert shop.order(("shirt", 2), person_id="p3")


def test_an_order_that_came_to_nothing_does_not_count_for_the_limit(shop: Any) -> None:
    """A declined card would keep its owner from ever buying."""
    shop.stocked(per_person=1, shirt=9)
    shop.order(("shirt", 1), method="tok_declined")
    shop.settle()

    assert shop.order(("shirt", 1))


def test_two_lines_of_one_product_count_together_for_the_limit(shop: Any, body_of: Any) -> None:
    """One would get around the limit by ordering line by line."""
    shop.stocked(per_person=1, shirt=9)

    refused = shop.service.call("POST", "/v1/orders", body_of(("shirt", 1), ("shirt", 1)))

    assert refused.json["code"] == "person_limit_reached"


def test_another_price_than_the_buyer_saw_is_refused(shop: Any, body_of: Any) -> None:
    """The buyer would pay more than the page said."""
    shop.stocked(shirt=9)
    seen = {"sku": "shirt", "qty": 1, "price": {"amount": 1, "currency": "TWD"}}

    refused = shop.service.call("POST", "/v1/orders", body_of(lines=[seen]))

    assert (refused.status_code, refused.json["code"]) == (409, "price_changed")


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([{"sku": "nothing", "qty": 1}], 404),
        ([{"sku": "shirt", "qty": 0}], 400),
        ([{"sku": "shirt", "qty": 1, "colour": "red"}], 400),
        ([], 400),
    ],
)
def test_an_order_that_makes_no_sense_leaves_nothing_behind(
    shop: Any, body_of: Any, lines: Any, status: int
) -> None:
    """Nonsense would be recorded as a sale."""
    shop.stocked(shirt=9)

    refused = shop.service.call("POST", "/v1/orders", body_of(lines=lines))

    assert refused.status_code == status
    assert shop.service.happened("order_placed") == []


def test_an_imported_order_happens_in_its_own_time(shop: Any) -> None:
    """Last year's orders would all count as today's."""
    then = "2026-05-01T08:00:00Z"
    offer = {"amount": 149000, "currency": "TWD"}
    body = {"sku": "shirt", "title": "shirt", "list": offer, "sale": offer, "occurred_at": then}
    shop.service.post("/v1/products", body)
    shop.service.post("/v1/stock/receipts", {"sku": "shirt", "qty": 1, "occurred_at": then})
    shop.order(("shirt", 1), occurred_at=then)

    (placed,) = shop.service.happened("order_placed")
    assert placed.envelope.occurred_at.isoformat() == "2026-05-01T08:00:00+00:00"
    assert placed.envelope.recorded_at == shop.service.clock.now()


def test_lists_are_read_page_by_page(shop: Any) -> None:
    """A long list would lose rows at the end of a page, or never end."""
    shop.stocked(a=9, b=9, c=9)
    placed = {shop.order(("a", 1), person_id=f"p{n}") for n in range(3)}
    shop.settle()

    def walk(path: str, field: str, name: str) -> list[str]:
        found, cursor = [], ""
        while cursor is not None:
            page = shop.service.get(f"{path}limit=2{cursor and f'&cursor={cursor}'}")
            found += [row[name] for row in page[field]]
            cursor = page["next"]
        return found

    assert walk("/v1/products?", "products", "sku") == ["a", "b", "c"]
    assert set(walk("/v1/orders?status=confirmed&", "orders", "order_id")) == placed
    assert len(walk("/v1/orders?", "orders", "order_id")) == 3


def test_another_tenant_sees_and_touches_nothing(shop: Any) -> None:
    """One company would see, or cancel, another one's orders."""
    shop.stocked(shirt=9)
    order_id = shop.order(("shirt", 1))
    shop.settle()

    assert shop.service.call("GET", f"/v1/orders/{order_id}", tenant="globex").status_code == 404
    assert shop.service.get("/v1/orders", tenant="globex")["orders"] == []
    assert shop.service.get("/v1/stock/shirt", tenant="globex")["locations"] == []
    assert shop.service.get("/v1/reports/money", tenant="globex") == []
    read_only = shop.service.call("POST", "/v1/orders", {}, scopes=["commerce.read"])
    assert read_only.status_code == 403


def test_an_order_of_the_past_is_given_its_full_time(shop: Any) -> None:
    """Whoever imports last month's orders would see them expire before they are paid."""
    then = "2026-05-01T08:00:00+00:00"
    offer = {"amount": 100, "currency": "TWD"}
    body = {"sku": "shirt", "title": "shirt", "list": offer, "sale": offer, "occurred_at": then}
    shop.service.post("/v1/products", body)
    shop.service.post("/v1/stock/receipts", {"sku": "shirt", "qty": 1, "occurred_at": then})
    shop.order(("shirt", 1), occurred_at=then)
    (placed,) = shop.service.happened("order_placed")
    assert placed.event.placed_at < placed.envelope.recorded_at
    assert placed.event.payment_due_at > placed.envelope.recorded_at
    assert placed.event.reserved_until >= placed.event.payment_due_at


@pytest.mark.parametrize("at", ["2199-12-31T23:59:59Z", "9999-12-31T23:59:59Z"])
def test_an_order_at_the_calendars_end_leaves_nothing_behind(
    shop: Any, body_of: Any, at: str
) -> None:
    """Its deadlines would lie where no moment can be read back from."""
    shop.stocked(shirt=1)
    before = len(shop.service.happened())

    answer = shop.service.call("POST", "/v1/orders", {**body_of(("shirt", 1)), "occurred_at": at})

    assert answer.status_code == 400, answer.get_data(as_text=True)
    assert len(shop.service.happened()) == before
