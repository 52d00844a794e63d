"""The same news of a trade in every order: the shelf ends up the same, and so does the money."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from commerce.marketplace_simulator import Bought, Trade
from shop_under_test import settled

SHIRT = Trade(tid="2580001", lines=[Bought(outer_id="shirt", num=1, payment="149.00")],
              payment="149.00")  # fmt: skip
REFUNDS = {"refunded": ("7001", "149.00"), "first": ("7002", "100.00"), "rest": ("7003", "49.00")}


def say(market: Any, word: str) -> None:
    """Let the marketplace say a thing."""
    if word in REFUNDS:
        market.simulator.refunded(SHIRT, *REFUNDS[word])
    else:
        getattr(market.simulator, word)(SHIRT)


def tell(market: Any, words: Sequence[str]) -> None:
    """Tell each thing until it was taken, or the next one is told before it."""
    for word in words:
        say(market, word)
        market.settle()
    market.insist()


@pytest.mark.parametrize(
    "words",
    [
        *permutations(("paid", "shipped", "refunded")),
        *permutations(("paid", "shipped", "closed")),
        *list(permutations(("paid", "shipped", "first", "rest", "closed")))[::7],
    ],
    ids="-".join,
)
def test_what_left_is_off_the_shelf_in_every_order_of_the_news(
    market: Any, words: tuple[str, ...]
) -> None:
    """A piece would be sold online that has left in a parcel."""
    tell(market, words)

    assert market.shop.stock("shirt") == (4, 0, 0)
    order = market.order(SHIRT.tid)
    assert order["fulfilment"] == "shipped"
    payment = order["payment"]
    assert payment["captured"] == payment["refunded"]
    money = market.money()
    assert (money["refunding"], money["unconfirmed"], money["to_refund"]) == (0, 0, 0)
    assert [entry["key"] for entry in market.shop.stuck()] == [order["order_id"]]
    market.shop.money_adds_up_at_every_position()


def test_a_trade_that_was_oversold_and_sent_all_the_same_is_off_the_shelf(
    shop: Any, make_market: Any
) -> None:
    """The seller found a piece somewhere, and the shelf would seem to hold it still."""
    market = make_market(shop.stocked(shirt=0))
    tell(market, ["paid"])
    assert market.order()["reason"] == "out_of_stock"
    shop.stocked(shirt=1)
    tell(market, ["shipped", "refunded"])

    assert shop.stock("shirt") == (0, 0, 0)
    assert (market.order()["status"], market.order()["fulfilment"]) == ("cancelled", "shipped")
    shop.goods(
        market.order()["order_id"], "return", lines=[{"sku": "shirt", "qty": 1}], condition="good"
    )
    shop.settle()
    assert shop.stock("shirt") == (1, 0, 0)
    settled(market, paid=0)


def test_a_parcel_of_an_order_that_expired_waits_for_its_money(market: Any) -> None:
    """That it was sent would be forgotten, and the goods be held for it for ever."""
    market.simulator.created(SHIRT)
    market.settle()
    market.shop.service.clock.advance(timedelta(hours=73))
    market.settle()
    assert market.order()["status"] == "expired"
    tell(market, ["shipped", "paid", "arrived"])

    assert market.order()["status"] == "completed"
    assert market.shop.stock("shirt") == (4, 0, 0)
    settled(market, paid=14900)


def test_a_refund_of_nothing_is_no_news(market: Any) -> None:
    """What vouchers paid is refunded as 0.00, which would be refused and repeated for ever."""
    free = Trade(tid="2580009", lines=SHIRT.lines, payment="0.00")
    market.simulator.paid(free)
    market.settle()
    market.simulator.refunded(free, "7001", "0.00")
    market.simulator.closed(free)
    market.settle()

    assert (market.order(free.tid)["status"], market.simulator.untold) == ("cancelled", [])
    settled(market, paid=0)
