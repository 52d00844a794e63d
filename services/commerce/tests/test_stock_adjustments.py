"""Counts that were wrong: corrected by whoever counted, and never below what is promised."""

from typing import Any

import pytest

PATH = "/v1/stock/adjustments"


def adjust(
    shop: Any, qty: int, reason: str = "counted", key: str | None = None, **more: Any
) -> Any:
    body = {"sku": "shirt", "qty": qty, "reason": reason, **more}
    return shop.service.call("POST", PATH, body, key=key)


def test_a_count_is_corrected_up_and_down_once(shop: Any) -> None:
    """A count that went wrong would stay wrong, and a repeated request correct it twice."""
    shop.stocked(shirt=5)
    for _ in range(2):
        assert adjust(shop, -2, "damaged", key="k").json["on_hand"] == 3
    assert adjust(shop, 1, "found").json["available"] == 4
    assert adjust(shop, 7, location="taipei").json["location"] == "taipei"
    shop.settle()

    there = {place["location"]: place["on_hand"]
             for place in shop.service.get("/v1/stock/shirt")["locations"]}  # fmt: skip
    assert there == {"main": 4, "taipei": 7}
    assert [e.event.reason for e in shop.service.happened("stock_adjusted")] == [
        "damaged", "found", "counted",
    ]  # fmt: skip


def test_what_is_promised_stays_there(shop: Any) -> None:
    """An order that stands could not be sent."""
    shop.stocked(shirt=3).order(("shirt", 2))
    shop.settle()
    refused = adjust(shop, -2, "lost")
    assert (refused.status_code, refused.json["code"]) == (409, "below_promised")
    assert adjust(shop, -1, "lost").json["available"] == 0


def test_goods_that_left_after_all_can_be_made_up_for(shop: Any) -> None:
    """More would be promised than is there for ever: even a piece that was found is refused."""
    first = shop.stocked(shirt=1).order(("shirt", 1))
    shop.settle()
    shop.goods(first, "fail", reason="address_unknown")
    shop.settle()
    shop.order(("shirt", 1))
    shop.settle()
    shop.goods(first, "ship", carrier="post")
    assert adjust(shop, -1, "lost").json["code"] == "below_promised"
    assert adjust(shop, 1, "found").json["available"] == 0


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"qty": 1, "reason": "lost"}, 422, "reason_contradicts"),
        ({"qty": -1, "reason": "found"}, 422, "reason_contradicts"),
        ({"qty": 0}, 400, "invalid"),
        ({"qty": 100_001}, 400, "invalid"),
        ({"qty": 1, "reason": "returned"}, 400, "invalid"),
        ({"qty": 1, "sku": "hat"}, 404, "product_unknown"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(
    shop: Any, body: dict[str, Any], status: int, code: str
) -> None:
    """A slip of the hand would become goods, or end them."""
    shop.stocked(shirt=5)
    before = shop.service.types()
    refused = adjust(shop, **body)
    assert (refused.status_code, refused.json["code"]) == (status, code)
    assert shop.service.types() == before


def test_a_drops_goods_are_corrected_by_nobody(shop: Any, site: Any) -> None:
    """What is set aside would be more or less than the drop grants."""
    location = f"drop-{site.announce(2)}"
    refused = adjust(shop, -1, "lost", sku="redmi", location=location)
    assert (refused.status_code, refused.json["code"]) == (409, "location_of_drop")
