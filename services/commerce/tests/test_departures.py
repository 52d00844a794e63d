"""Goods that left although they had been called off: they are gone, and everybody knows."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.testing.contexts import NOW

PRICE = 149000
BACK = {"lines": [{"sku": "shirt", "qty": 1}], "condition": "good"}


def called_off(shop: Any, *, stock: int = 1) -> str:
    """Return an order that the partner took on before it was called off and its money refunded."""
    order_id = str(shop.stocked(shirt=stock).order(("shirt", 1)))
    shop.settle()
    assert shop.partner_says(order_id, "accepted") == 200
    shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()
    return order_id


@pytest.mark.parametrize("settled", [True, False])
def test_goods_that_left_all_the_same_are_out_of_stock(shop: Any, *, settled: bool) -> None:
    """The piece that is gone would be sold to somebody else, and nobody ask for it."""
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    shop.settle()
    shop.goods(order_id, "fail", reason="address_unknown")
    if settled:  # otherwise the goods are held for it still
        shop.settle()
    answers = [shop.partner_says(order_id, kind) for kind in ("shipped", "delivered", "shipped")]
    shop.settle()

    assert answers == [200, 200, 200]
    assert shop.stock("shirt") == (1, 0, 0)
    shown = shop.show(order_id)
    assert (shown["status"], shown["fulfilment"]) == ("cancelled", "delivered")
    assert shown["payment"]["refunded"]["amount"] == PRICE
    assert [entry["key"] for entry in shop.stuck()] == [order_id]
    assert len(shop.service.happened("fulfilment_went_on")) == 1

    shop.goods(order_id, "return", **BACK)
    shop.settle()
    assert shop.stock("shirt") == (2, 0, 0)
    money = shop.money()
    assert (money["captured"], money["refunded"], money["difference"]) == (PRICE, PRICE, 0)
    assert shop.stuck() == []
    shop.money_adds_up_at_every_position()


def test_a_piece_that_is_gone_is_not_sold_again(shop: Any) -> None:
    """Its next buyer would pay for what somebody else has."""
    order_id = called_off(shop)
    assert shop.partner_says(order_id, "shipped") == 200
    late = shop.order(("shirt", 1))
    shop.settle()
    assert (shop.show(late)["status"], shop.show(late)["reason"]) == ("cancelled", "out_of_stock")


def test_a_piece_that_was_promised_to_the_next_one_is_gone_as_well(shop: Any) -> None:
    """The count would say that there is one, and the next receipt be promised twice."""
    order_id = called_off(shop)
    second = shop.order(("shirt", 1))
    shop.settle()
    assert shop.partner_says(order_id, "shipped") == 200
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 1)
    shop.stocked(shirt=1)
    third = shop.order(("shirt", 1))
    shop.settle()
    assert shop.show(third)["reason"] == "out_of_stock"
    shop.goods(second, "ship", carrier="post")
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 0)


def test_what_left_though_it_was_not_there_was_counted_wrong(shop: Any) -> None:
    """The count would fall below nothing."""
    order_id = called_off(shop)
    second = shop.order(("shirt", 1))
    shop.settle()
    for one in (order_id, second):
        assert shop.partner_says(one, "shipped") == 200
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 0)


def test_goods_that_left_and_were_lost_are_only_out_of_stock(shop: Any) -> None:
    """A parcel that nobody has would be asked of its buyer, or be sold again."""
    order_id = called_off(shop)
    assert shop.partner_says(order_id, "failed", shipped=True) == 200
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 0)
    assert (shop.show(order_id)["fulfilment"], shop.stuck()) == ("failed", [])

    assert shop.partner_says(order_id, "delivered") == 200  # it was found
    shop.settle()
    assert shop.show(order_id)["fulfilment"] == "delivered"
    assert [entry["key"] for entry in shop.stuck()] == [order_id]
    assert shop.stock("shirt") == (0, 0, 0)


@pytest.mark.parametrize("ended", [False, True])
def test_a_drops_piece_that_left_is_granted_to_nobody(shop: Any, site: Any, *, ended: bool) -> None:
    """Who waits in line would be granted what is gone; or the shop sell it when the drop ended."""
    site.verify("p1", "p2")
    drop_id = site.announce(2)
    entry = site.enter(drop_id, "p1")
    order_id = site.order(entry, "p1")
    shop.settle()
    shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()
    if ended:
        shop.service.clock.set(NOW + timedelta(hours=2))
        shop.settle()
        assert (site.stock(drop_id), shop.stock("redmi")) == ((0, 0, 0), (2, 0, 0))
    shop.goods(order_id, "ship", carrier="post")
    shop.settle()

    home = shop.stock("redmi")[0]
    assert (site.stock(drop_id)[0], home) == ((0, 1) if ended else (1, 0))
    assert site.entry(entry)["status"] == "bought"
