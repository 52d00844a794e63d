"""The way of an order, and every way back, through the whole service and its provider."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.testing.contexts import NOW
from shop_under_test import LIST

PRICE = 149000


def settled(shop: Any, *, paid: int = 0) -> None:
    """Assert that nothing is stuck and that all money is where it belongs."""
    money = shop.money()
    flying = (money["refunding"], money["unconfirmed"], money["to_refund"])
    assert (money["difference"], flying) == (0, (0, 0, 0))
    assert money["captured"] - money["refunded"] == money["paid_orders"] == paid
    assert shop.stuck() == []


def test_a_paid_order_reaches_its_buyer(shop: Any) -> None:
    """Goods are held, money is set aside, then both change hands, in this order."""
    shop.stocked(shirt=3, shoes=5)
    order_id = shop.order(("shoes", 2), ("shirt", 1))
    shop.settle()

    assert shop.show(order_id)["status"] == "confirmed"
    shop.goods(order_id, "accept")
    shop.goods(order_id, "ship", carrier="post", no="ABC-1")
    shop.goods(order_id, "deliver")
    shop.settle()

    assert shop.show(order_id)["status"] == "completed"
    assert shop.service.types()[6:] == [
        "order_placed",
        "stock_reserved",
        "stock_reserved",
        "payment_initiated",
        "payment_authorized",
        "reservation_confirmed",
        "reservation_confirmed",
        "payment_capture_requested",
        "payment_captured",
        "order_confirmed",
        "fulfilment_requested",
        "fulfilment_accepted",
        "fulfilment_shipped",
        "stock_shipped",
        "stock_shipped",
        "fulfilment_delivered",
        "order_completed",
    ]
    reserved = [entry.event.sku for entry in shop.service.happened("stock_reserved")]
    assert reserved == ["shirt", "shoes"]
    assert (shop.stock("shirt"), shop.stock("shoes")) == ((2, 0, 0), (3, 0, 0))
    settled(shop, paid=3 * PRICE)


def test_one_short_product_gives_the_others_back(shop: Any) -> None:
    """An order that cannot be sent whole holds no goods and takes no money."""
    shop.stocked(shirt=3, shoes=1)
    order_id = shop.order(("shirt", 2), ("shoes", 2))
    shop.settle()

    shown = shop.show(order_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "out_of_stock")
    assert shown["payment"] is None
    assert (shop.stock("shirt"), shop.stock("shoes")) == ((3, 0, 0), (1, 0, 0))
    settled(shop)


def test_the_lines_of_one_product_are_counted_together(shop: Any) -> None:
    """Two lines that each fit, but not together, would sell goods that aren't there."""
    shop.stocked(shirt=3)
    order_id = shop.order(("shirt", 2), ("shirt", 2))
    shop.settle()

    assert shop.show(order_id)["reason"] == "out_of_stock"
    assert shop.stock("shirt") == (3, 0, 0)


def test_a_declined_card_gives_the_goods_back(shop: Any) -> None:
    """Goods would be lost to sale for a buyer who cannot pay."""
    shop.stocked(shirt=3)
    order_id = shop.order(("shirt", 1), method="tok_declined")
    shop.settle()

    assert shop.show(order_id)["status"] == "expired"
    assert shop.show(order_id)["payment"]["status"] == "failed"
    assert shop.stock("shirt") == (3, 0, 0)
    settled(shop)


def test_silence_of_the_provider_ends_the_order_in_time(shop: Any) -> None:
    """Goods would be held for ever when the provider never answers."""
    shop.stocked(shirt=3)
    order_id = shop.order(("shirt", 1), method="tok_timeout")
    shop.later(14)
    assert (shop.show(order_id)["status"], shop.stock("shirt")) == ("placed", (3, 1, 0))

    shop.later(1)

    assert shop.show(order_id)["status"] == "expired"
    assert shop.stock("shirt") == (3, 0, 0)
    settled(shop)


@pytest.mark.parametrize("method", ["tok_late", "tok_late_captured"])
def test_a_late_payment_brings_the_order_back(shop: Any, method: str) -> None:
    """Somebody who paid a minute late gets the goods that are still there."""
    shop.stocked(shirt=3)
    order_id = shop.order(("shirt", 1), method=method)
    shop.later(15)
    assert shop.show(order_id)["status"] == "expired"

    shop.later(1)

    assert shop.show(order_id)["status"] == "confirmed"
    assert "late_payment_received" in shop.service.types()
    assert shop.stock("shirt") == (3, 0, 1)
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.settle()
    settled(shop, paid=PRICE)


@pytest.mark.parametrize(
    ("method", "ending"),
    [("tok_late", "payment_voided"), ("tok_late_captured", "payment_refunded")],
)
def test_a_late_payment_for_goods_that_are_gone_is_given_back(
    shop: Any, method: str, ending: str
) -> None:
    """Money would be kept without goods, in silence."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method=method)
    shop.later(15)
    other = shop.order(("shirt", 1), person_id="p2")
    shop.later(1)

    assert shop.show(order_id)["status"] == "expired"
    assert shop.service.types()[-1] == ending
    shop.goods(other, "ship", carrier="post")
    shop.goods(other, "deliver")
    shop.settle()
    settled(shop, paid=PRICE)


def test_money_that_came_after_the_hold_buys_what_is_still_there(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the hold is shorter than the payment's time, a sale would be lost for nothing."""
    monkeypatch.setenv("ORDER_HOLD_MINUTES", "5")
    shop.stocked(per_person=1, shirt=3, hat=1)
    order_id = shop.order(("shirt", 1), ("hat", 1), method="tok_slow")
    shop.later(5)
    assert (shop.stock("shirt"), shop.stock("hat")) == ((3, 0, 0), (1, 0, 0))
    shop.later(5)

    assert shop.show(order_id)["status"] == "confirmed"
    assert (shop.stock("shirt"), shop.stock("hat")) == ((3, 0, 1), (1, 0, 1))


def test_goods_gone_before_the_money_came_let_it_go(shop: Any, monkeypatch: Any) -> None:
    """Where the hold is shorter than the payment's time, money is set aside for nothing."""
    monkeypatch.setenv("ORDER_HOLD_MINUTES", "5")
    shop.stocked(shirt=2, hat=1)
    order_id = shop.order(("shirt", 1), ("hat", 1), method="tok_slow")
    shop.later(5)
    other = shop.order(("hat", 1), person_id="p2")
    shop.later(5)

    shown = shop.show(order_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "out_of_stock")
    assert shown["payment"]["status"] == "voided"
    assert (shop.stock("shirt"), shop.stock("hat")) == ((2, 0, 0), (1, 0, 1))
    shop.goods(other, "ship", carrier="post")
    shop.goods(other, "deliver")
    shop.settle()
    settled(shop, paid=PRICE)


def test_a_failed_capture_gives_the_goods_back(shop: Any) -> None:
    """Confirmed goods would stay set aside for an order that was never paid."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_capture_fails")
    shop.settle()

    shown = shop.show(order_id)
    assert (shown["status"], shown["reason"]) == ("cancelled", "payment_failed")
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop)


def test_a_capture_without_answer_is_given_up_and_let_go(shop: Any) -> None:
    """A lost answer would leave the order, its goods and the buyer's money in between."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_capture_lost")
    shop.later(14)
    assert shop.show(order_id)["payment"]["status"] == "capturing"
    shop.later(1)

    assert shop.show(order_id)["status"] == "cancelled"
    assert shop.show(order_id)["payment"]["status"] == "voided"
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop)


def test_an_order_told_late_waits_for_the_provider_no_longer_than_others(shop: Any) -> None:
    """Its goods would be kept for as long as the order is old."""
    shop.stocked(shirt=1)
    price = {
        "list": LIST,
        "sale": {**LIST, "amount": PRICE},
        "valid_from": (NOW - timedelta(days=400)).isoformat(),
    }
    shop.service.post("/v1/products", {"sku": "shirt", "title": "shirt", **price})
    long_ago = (NOW - timedelta(days=365)).isoformat()
    order_id = shop.order(("shirt", 1), method="tok_capture_lost", occurred_at=long_ago)
    shop.later(14)
    assert shop.show(order_id)["payment"]["status"] == "capturing"
    shop.later(2)

    assert shop.show(order_id)["status"] == "cancelled"
    settled(shop)


def test_a_failed_delivery_gives_money_and_goods_back(shop: Any) -> None:
    """The buyer would have paid for a parcel that never leaves."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1))
    shop.settle()
    shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()

    shown = shop.show(order_id)
    assert (shown["status"], shown["fulfilment"]) == ("cancelled", "failed")
    assert shown["payment"]["refunded"]["amount"] == PRICE
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop)


@pytest.mark.parametrize(("condition", "on_hand"), [("good", 2), ("damaged", 0)])
def test_a_parcel_that_comes_back_is_sold_again_if_it_is_whole(
    shop: Any, condition: str, on_hand: int
) -> None:
    """Damaged goods would be sold again, or good ones lost; the refund would be paid twice."""
    shop.stocked(shirt=2)
    order_id = shop.order(("shirt", 2))
    shop.settle()
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 0)

    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 2}], condition=condition)
    shop.settle()

    assert shop.stock("shirt") == (on_hand, 0, 0)
    assert len(shop.service.happened("refund_requested")) == 1
    settled(shop)


def test_a_part_sent_back_after_delivery_is_refunded_in_part(shop: Any) -> None:
    """The buyer would get too much or too little back, or could send back more than came."""
    shop.stocked(shirt=3)
    order_id = shop.order(("shirt", 3))
    shop.settle()
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    shop.settle()

    assert shop.show(order_id)["status"] == "completed"
    assert shop.show(order_id)["payment"]["refunded"]["amount"] == PRICE
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop, paid=2 * PRICE)
    more = {"lines": [{"sku": "shirt", "qty": 3}], "condition": "good"}
    refused = shop.service.call("POST", f"/v1/orders/{order_id}/fulfilment/return", more)
    assert (refused.status_code, refused.json["code"]) == (422, "more_than_shipped")


@pytest.mark.parametrize("method", ["tok_repeat", "tok_reordered"])
def test_a_provider_that_stutters_changes_nothing(shop: Any, method: str) -> None:
    """Money would be counted twice, or an order lost because its news came in another order."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method=method)
    shop.settle()
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.settle()

    assert shop.show(order_id)["status"] == "completed"
    assert len(shop.service.happened("payment_captured")) == 1
    assert set(shop.callbacks) == {200}
    settled(shop, paid=PRICE)


@pytest.mark.parametrize("method", ["tok_timeout", "tok_late_captured", "tok_late"])
def test_a_buyer_who_cancels_gets_everything_back(shop: Any, method: str) -> None:
    """A cancelled order would keep its goods off sale, or the buyer's money set aside."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method=method)
    shop.settle()
    answer = shop.service.call("GET", f"/v1/orders/{order_id}")
    shop.service.post(
        f"/v1/orders/{order_id}/cancel",
        {"reason": "changed_my_mind"},
        headers={"If-Match": answer.headers["ETag"]},
    )
    shop.later(60)

    assert shop.show(order_id)["status"] == "cancelled"
    assert shop.show(order_id)["payment"]["status"] == "voided"
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop)


def test_money_taken_while_the_buyer_cancels_is_refunded(shop: Any) -> None:
    """The provider took the money a moment before it heard of the cancellation."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_ok")
    shop.service.settle()
    while "payment_capture_requested" not in shop.service.types():
        shop.provider.step()
        shop.service.settle()
    shop.service.post(
        f"/v1/orders/{order_id}/cancel", {"reason": "late"}, headers={"If-Match": "*"}
    )
    shop.provider.step()
    shop.settle()

    assert shop.show(order_id)["status"] == "cancelled"
    assert shop.show(order_id)["payment"]["refunded"]["amount"] == PRICE
    assert shop.stock("shirt") == (1, 0, 0)
    settled(shop)


def test_an_order_that_stands_still_is_reported(shop: Any) -> None:
    """Nobody would notice an order that waits for ever."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1))
    shop.settle()

    (stuck,) = shop.stuck()
    assert (stuck["key"], stuck["last"]) == (order_id, "order_confirmed")
    assert shop.stuck(before=shop.service.clock.now()) == []
