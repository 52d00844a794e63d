"""What changed hands in a store or a marketplace is told at its own door, not ordered."""

from typing import Any

import pytest

from shop_under_test import ORIGIN, QZONE

TOLD_ELSEWHERE = pytest.mark.parametrize("mode", ["store", "marketplace"])


def refused(answer: Any) -> bool:
    """Say whether an answer sends the caller to another door."""
    return bool(answer.status_code == 422 and answer.json["code"] == "other_door")


@pytest.mark.parametrize(("mode", "door"), [("store", "/purchases"), ("marketplace", "messages")])
def test_what_is_told_elsewhere_is_not_ordered_here(
    shop: Any, body_of: Any, mode: str, door: str
) -> None:
    """An order would wait for ever for money that nobody asks for, and count as somebody's sale."""
    shop.stocked(shirt=3)
    body = body_of(("shirt", 1), origin={**ORIGIN, "mode": mode})
    answer = shop.service.call("POST", "/v1/orders", body)
    assert refused(answer)
    assert door in answer.json["detail"]
    shop.later(120)
    assert (shop.stock("shirt"), shop.service.happened("order_placed")) == ((3, 0, 0), [])


@TOLD_ELSEWHERE
def test_no_cart_is_opened_for_what_is_told_elsewhere(shop: Any, mode: str) -> None:
    """A cart would be filled that can never be ordered, and counted as abandoned."""
    body = {"person_id": "p1", "origin": {**ORIGIN, "mode": mode}}
    assert refused(shop.service.call("POST", "/v1/carts", body))


@TOLD_ELSEWHERE
def test_no_piece_of_a_drop_goes_to_what_is_told_elsewhere(site: Any, mode: str) -> None:
    """A granted piece would stay at the drop's place for ever, and who waits would get no turn."""
    elsewhere = {**QZONE, "mode": mode}
    site.verify("a", "b")
    drop_id = site.announce(1)
    assert refused(site.try_to_enter(drop_id, "a", origin=elsewhere))

    granted = site.enter(drop_id, "a")
    waiting = site.enter(drop_id, "b")
    assert refused(site.try_to_order(granted, "a", origin=elsewhere))
    site.shop.later(30)
    assert site.entry(waiting)["status"] == "granted"
