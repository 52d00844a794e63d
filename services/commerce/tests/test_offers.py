"""What the catalogue says a product costs is what an order is charged; and taking it off sale."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing.scenario import Scenario
from commerce.events import ProductEvent
from commerce.examples import OFFER_PRICED, OFFERS_WITHDRAWN, PRODUCT_LISTED
from commerce.product import PRODUCT, NotOffered, Product, ProductCommand, ProductUnknown, Withdraw
from shop_under_test import LIST, PRICE, written

WITHDRAWN = replace(OFFERS_WITHDRAWN, sku="shirt-m")
CHEAP = {"amount": 100, "currency": "TWD"}
WITHDRAW = Withdraw(sku="shirt-m", at=WITHDRAWN.at)


def given(*events: ProductEvent) -> Scenario[Product, ProductCommand, ProductEvent]:
    return Scenario(PRODUCT, events)


def test_withdrawing_ends_every_offer_and_is_said_once() -> None:
    """A product that must not be sold any more would come back with an older, open-ended offer."""
    given(PRODUCT_LISTED, OFFER_PRICED).when(WITHDRAW).then(WITHDRAWN)
    given(PRODUCT_LISTED, OFFER_PRICED, WITHDRAWN).when(WITHDRAW).then()
    given(PRODUCT_LISTED).when(WITHDRAW).then()
    given().when(WITHDRAW).then_rejected(ProductUnknown)


def test_what_was_offered_before_still_tells_of_before() -> None:
    """An import that tells of last week would find no price that held then."""
    later = WITHDRAWN.at + timedelta(days=1)
    product = PRODUCT.fold([PRODUCT_LISTED, OFFER_PRICED, replace(WITHDRAWN, at=later)])
    assert product.offer_at(OFFER_PRICED.valid_from).sale == OFFER_PRICED.sale
    with pytest.raises(NotOffered):
        product.offer_at(later)


def offered(shop: Any, sale: Any, **more: Any) -> None:
    shop.service.post(
        "/v1/products", {"sku": "shirt", "title": "shirt", "list": LIST, "sale": sale, **more}
    )


def listed(shop: Any) -> Any:
    """Return the product as the list and its own page show it, which must be the same."""
    shop.settle()
    (shown,) = shop.service.get("/v1/products")["products"]
    assert shop.service.get("/v1/products/shirt") == shown
    return shown


def ordered_at(shop: Any) -> Any:
    """Return what an order is charged for one."""
    return shop.show(shop.order(("shirt", 1)))["total"]


def test_the_catalogue_shows_the_price_that_an_order_is_charged(shop: Any) -> None:
    """People would be told a price that held for a minute, and be charged another."""
    shop.stocked(shirt=9)
    now = shop.service.clock.now()
    offered(shop, CHEAP, valid_to=written(now + timedelta(minutes=1)))
    assert (listed(shop)["sale"], ordered_at(shop)) == (CHEAP, CHEAP)

    shop.service.clock.advance(timedelta(minutes=5))
    assert (listed(shop)["sale"], ordered_at(shop)) == (PRICE, PRICE)


def test_the_catalogue_says_what_a_product_will_cost(shop: Any) -> None:
    """Next week's price would be shown as today's, or nobody could see that it is known."""
    shop.stocked(shirt=9)
    monday = shop.service.clock.now() + timedelta(days=3)
    offered(shop, CHEAP, valid_from=written(monday))
    shown = listed(shop)
    assert (shown["sale"], ordered_at(shop)) == (PRICE, PRICE)
    assert [(each["sale"], each["valid_from"]) for each in shown["coming"]] == [
        (CHEAP, monday.isoformat())
    ]
    shop.service.clock.advance(timedelta(days=4))
    assert (listed(shop)["sale"], listed(shop)["coming"]) == (CHEAP, [])


def test_a_product_is_taken_off_sale_and_put_back(shop: Any, body_of: Any) -> None:
    """Recalled goods would go on being sold: an ended offer gives way to the one before it."""
    shop.stocked(shirt=9)
    offered(shop, CHEAP)
    offered(shop, PRICE, valid_from=written(shop.service.clock.now() + timedelta(days=1)))
    shown = shop.service.post("/v1/products/shirt/withdraw", {})
    assert (shown["sale"], shown["coming"]) == (None, [])
    shop.service.clock.advance(timedelta(days=2))
    assert (listed(shop)["sale"], listed(shop)["coming"]) == (None, [])
    refused = shop.service.call("POST", "/v1/orders", body_of(("shirt", 1)))
    assert (refused.status_code, refused.json["code"]) == (409, "not_offered")

    offered(shop, PRICE)
    assert (listed(shop)["sale"], ordered_at(shop)) == (PRICE, PRICE)


def test_nothing_is_taken_off_sale_that_nobody_listed(shop: Any) -> None:
    """A mistyped number would be answered as if the right product were off sale."""
    missing = shop.service.call("POST", "/v1/products/nothing/withdraw", {})
    assert (missing.status_code, missing.json["code"]) == (404, "product_unknown")
