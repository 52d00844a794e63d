"""Nothing is called nothing: blanks and zero-width characters are no names, at any door."""

from typing import Any

import pytest

from shop_under_test import LIST, ORIGIN, PRICE, written
from shopper import SETTINGS, WHO, Shopper

BLANK = pytest.mark.parametrize("blank", [" ", "\u200b", "\u3000\u2060"])


@pytest.mark.requirement("Z27")
@BLANK
@pytest.mark.parametrize("part", ["platform", "property", "content", "touch"])
def test_no_order_comes_from_a_blank(shop: Any, body_of: Any, part: str, blank: str) -> None:
    """A sale would count for a channel that nobody can name."""
    shop.stocked(shirt=1)
    body = body_of(("shirt", 1), origin={**ORIGIN, part: blank})
    refused = shop.service.call("POST", "/v1/orders", body)
    assert (refused.status_code, refused.json["code"]) == (400, "invalid")
    assert shop.service.happened("order_placed") == []


@BLANK
def test_goods_shops_and_drops_have_names_that_can_be_read(site: Any, blank: str) -> None:
    """Links and buttons would have no name to hear; nobody could tell where a drop is sold."""
    shop = site.shop.stocked(shirt=1)
    now = written(shop.service.clock.now())
    bodies = {
        "/v1/products": {"sku": "hat", "title": blank, "list": LIST, "sale": PRICE},
        "/v1/storefront": {"name": blank, "in_shared_mall": True},
        "/v1/products/shirt/descriptions": {"texts": [{"lang": "en", "text": blank}]},
        "/v1/drops": {
            "sku": "shirt",
            "stock": 1,
            "opens_at": now,
            "closes_at": now.replace("20", "21", 1),
            "channel_exclusive": blank,
        },
    }
    for path, body in bodies.items():
        refused = shop.service.call("POST", path, body)
        assert (path, refused.status_code) == (path, 400)


def test_no_parcel_goes_to_a_blank(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A carrier would be handed a parcel for nobody, nowhere."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    shop.stocked(shirt=1)
    shop.settle()
    shopper = Shopper(shop)
    for part in WHO:
        again = shopper.buy(**{part: "\u3000" * 8})
        assert again.status in {400, 422}
        assert f'id="{part}-error"' in again.text


def test_a_parcel_of_no_order_is_none(shop: Any) -> None:
    """A mistyped number, or another company's, would pass for an order without an address."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1))
    path = f"/v1/orders/{order_id}/parcel"
    parcels = {"scopes": ["commerce.parcels"]}
    assert shop.service.call("GET", path, **parcels).json["name"] is None
    for answer in (
        shop.service.call("GET", path, tenant="globex", **parcels),
        shop.service.call("GET", path.replace(order_id, order_id[::-1]), **parcels),
        shop.service.call("GET", path.replace(order_id[:4], "0000"), **parcels),
    ):
        assert (answer.status_code, answer.json["code"]) in {
            (404, "order_unknown"),
            (404, "not_found"),
        }
