"""Trades on marketplaces become orders once, whatever the order of the news, and money adds up."""

import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import SystemClock
from chassis.testing.contexts import SECRET
from commerce.marketplace_simulator import Bought, Trade
from commerce.settings import callback_secret, marketplace_secret
from shop_under_test import settled

PATH = "/v1/tenants/acme/marketplaces/taobao/messages"
SHIRT = Trade(tid="2580001", lines=[Bought(outer_id="shirt", num=1, payment="149.00")],
              payment="149.00")  # fmt: skip
TWO = Trade(
    tid="2580002",
    lines=[
        Bought(outer_id="shirt", num=3, payment="100.00"),
        Bought(outer_id="TB-SHOES", num=1, payment="50.00"),
    ],
    payment="156.50",
    buyer="buyer-2",
)


def test_a_trade_is_an_order_from_the_first_message_to_the_last(market: Any) -> None:
    """Sales on Taobao would be neither in the stock nor in the day's orders."""
    market.simulator.created(SHIRT)
    market.settle()
    order = market.order()
    assert (order["status"], market.shop.stock("shirt")) == ("placed", (5, 1, 0))
    assert {name: order["origin"][name] for name in ("platform", "property", "mode")} == {
        "platform": "taobao", "property": "our-shop", "mode": "marketplace",
    }  # fmt: skip
    assert order["total"] == {"amount": 14900, "currency": "CNY"}

    market.simulator.paid(SHIRT)
    market.settle()
    assert market.order()["status"] == "confirmed"
    market.simulator.shipped(SHIRT)
    market.settle()
    assert (market.order()["fulfilment"], market.shop.stock("shirt")) == ("shipped", (4, 0, 0))
    market.simulator.arrived(SHIRT)
    market.settle()

    assert market.order()["status"] == "completed"
    assert "payment_capture_requested" not in market.shop.service.types()
    settled(market, paid=14900)


def test_every_cent_of_a_trade_is_on_some_line(market: Any) -> None:
    """What does not divide evenly, and postage, would be money without an order."""
    market.shop.service.post(
        "/v1/marketplaces/taobao/skus", {"outer_id": "TB-SHOES", "sku": "shoes"}
    )
    market.simulator.paid(TWO)
    market.settle()

    order = market.order(TWO.tid)
    lines = [(line["sku"], line["qty"], line["price"]["amount"]) for line in order["lines"]]
    assert lines == [("shirt", 2, 3478), ("shirt", 1, 3477), ("shoes", 1, 5217)]
    assert order["total"]["amount"] == 15650
    assert order["status"] == "confirmed"
    assert market.shop.stock("shirt") == (5, 0, 3)
    assert market.money()["captured"] == 15650


def test_a_product_that_is_not_ours_waits_until_it_is_known(market: Any) -> None:
    """A paid trade would be lost, or stop all others, because of a name."""
    market.simulator.paid(TWO)
    market.simulator.paid(SHIRT)
    market.settle()

    (waiting,) = market.refused()
    assert (waiting["code"], waiting["trade_no"]) == ("outer_sku_unknown", TWO.tid)
    assert waiting["detail"] == "Say which product TB-SHOES is."
    assert market.order()["status"] == "confirmed"
    assert len(market.simulator.untold) == 1
    market.settle()
    assert len(market.shop.service.happened("marketplace_message_refused")) == 1

    market.shop.service.post(
        "/v1/marketplaces/taobao/skus", {"outer_id": "TB-SHOES", "sku": "shoes"}
    )
    market.settle()
    assert market.order(TWO.tid)["status"] == "confirmed"
    assert (market.refused(), market.simulator.untold) == ([], [])


def test_news_that_overtakes_other_news_waits_for_it(market: Any) -> None:
    """An order would arrive that was never sent, or be sent that was never paid."""
    market.simulator.arrived(SHIRT)
    market.simulator.shipped(SHIRT)
    market.simulator.refund_asked(SHIRT, "7001", "1.00")
    market.simulator.step()
    market.shop.settle()
    assert {entry["code"] for entry in market.refused()} == {"too_early"}
    assert "order_placed" not in market.shop.service.types()

    market.simulator.paid(SHIRT)
    market.insist()

    assert market.order()["status"] == "completed"
    settled(market, paid=14900)


def test_an_unpaid_trade_that_is_closed_gives_its_goods_back(market: Any) -> None:
    """Goods would be held for somebody who changed their mind, and the order stay open."""
    market.simulator.created(SHIRT)
    market.settle()
    market.simulator.closed(SHIRT)
    market.settle()
    market.simulator.paid(SHIRT)  # a late repetition of something that is over
    market.settle()

    order = market.order()
    assert (order["status"], order["reason"]) == ("cancelled", "closed_at_marketplace")
    assert market.shop.stock("shirt") == (5, 0, 0)
    settled(market, paid=0)


def test_a_trade_that_is_closed_before_it_is_known_sells_nothing(market: Any) -> None:
    """The first message that is late would bring a trade back to life."""
    market.simulator.closed(SHIRT)
    market.settle()
    market.simulator.created(SHIRT)
    market.simulator.paid(SHIRT)
    market.settle()
    assert "order_placed" not in market.shop.service.types()
    assert (market.refused(), market.simulator.untold) == ([], [])


def test_a_paid_trade_without_goods_is_cancelled_and_its_money_goes_back(
    shop: Any, make_market: Any
) -> None:
    """Somebody would have paid for goods that other shops sold first, and hear nothing."""
    market = make_market(shop.stocked(shirt=2, shoes=1))
    shop.service.post("/v1/marketplaces/taobao/skus", {"outer_id": "TB-SHOES", "sku": "shoes"})
    market.simulator.paid(TWO)
    market.settle()

    order = market.order(TWO.tid)
    assert (order["status"], order["reason"]) == ("cancelled", "out_of_stock")
    money = market.money()
    assert (money["captured"], money["refunding"], money["paid_orders"]) == (15650, 15650, 0)
    assert (shop.stock("shirt"), shop.stock("shoes")) == ((2, 0, 0), (1, 0, 0))
    assert [entry["key"] for entry in shop.stuck()] == [order["order_id"]]

    market.simulator.refunded(TWO, "7001", "100.00")  # marketplaces refund line by line
    market.settle()
    assert market.money()["refunding"] == 15650
    market.simulator.refunded(TWO, "7002", "56.50")
    market.simulator.closed(TWO)
    market.settle()

    assert market.money()["refunded"] == 15650
    settled(market, paid=0)


def test_a_refund_that_overtakes_our_own_decision_waits_for_it(shop: Any, make_market: Any) -> None:
    """The order process would try to give back what is back already, and never come to an end."""
    market = make_market(shop.stocked(shirt=0))
    for tell in (market.simulator.paid, market.simulator.closed):
        tell(SHIRT)
        market.simulator.step()
    shop.settle()
    assert [entry["code"] for entry in market.refused()] == ["too_early"]

    market.settle()

    assert market.order()["reason"] == "out_of_stock"
    assert market.order()["payment"]["refunded"]["amount"] == 14900
    settled(market, paid=0)


def test_a_buyer_who_pays_after_the_time_gets_goods_or_money(market: Any) -> None:
    """Money that comes late would be kept in silence."""
    market.simulator.created(SHIRT)
    market.settle()
    market.shop.service.clock.advance(timedelta(hours=73))
    market.shop.settle()
    assert market.order()["status"] == "expired"
    market.simulator.paid(SHIRT)
    market.settle()

    assert market.order()["status"] == "confirmed"
    assert market.money()["paid_orders"] == 14900


def test_money_that_the_marketplace_gives_back_is_off_the_order(market: Any) -> None:
    """An order would seem unpaid, or paid for goods that nobody bought in the end."""
    market.simulator.paid(SHIRT)
    market.settle()
    market.simulator.shipped(SHIRT)
    market.simulator.arrived(SHIRT)
    market.insist()
    market.simulator.refund_asked(SHIRT, "7001", "49.00")
    market.simulator.refunded(SHIRT, "7001", "49.00")
    market.settle()
    assert market.order()["payment"]["refunded"]["amount"] == 4900
    settled(market, paid=10000)

    order_id = market.order()["order_id"]
    market.shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    market.shop.settle()
    assert market.shop.stock("shirt") == (5, 0, 0)
    settled(market, paid=10000)
    market.simulator.refunded(SHIRT, "7002", "100.00")
    market.settle()
    settled(market, paid=0)
    market.simulator.refunded(SHIRT, "7003", "0.01")
    market.settle()
    assert [entry["code"] for entry in market.refused()] == ["refund_too_large"]


def test_an_order_that_is_paid_back_before_it_is_sent_is_not_sent(market: Any) -> None:
    """Goods would leave for a buyer who has the money back."""
    market.simulator.paid(SHIRT)
    market.settle()
    market.simulator.refunded(SHIRT, "7001", "149.00")
    market.settle()

    order = market.order()
    assert (order["status"], order["fulfilment"]) == ("cancelled", "failed")
    assert market.shop.stock("shirt") == (5, 0, 0)
    settled(market, paid=0)


def test_a_trade_that_vouchers_paid_is_not_sent_once_it_is_closed(market: Any) -> None:
    """There is no money whose refund would stop the parcel, so it would leave for nothing."""
    free = Trade(tid="2580009", lines=SHIRT.lines, payment="0.00")
    market.simulator.paid(free)
    market.settle()
    assert market.order(free.tid)["fulfilment"] == "requested"
    market.simulator.closed(free)
    market.settle()

    order = market.order(free.tid)
    assert (order["status"], order["fulfilment"]) == ("cancelled", "failed")
    assert market.shop.stock("shirt") == (5, 0, 0)
    settled(market, paid=0)


def test_only_the_marketplace_can_take_its_order_back(market: Any) -> None:
    """The buyer would have paid there for what we had cancelled here."""
    market.simulator.created(SHIRT)
    market.settle()
    path = f"/v1/orders/{market.order()['order_id']}/cancel"
    refused = market.shop.service.call("POST", path, {"reason": "x"}, headers={"If-Match": "*"})
    assert (refused.status_code, refused.json["code"]) == (409, "sold_elsewhere")


def test_a_buyers_name_is_nowhere(market: Any) -> None:
    """Names of marketplaces' customers would be readable in our log for ever."""
    market.simulator.paid(SHIRT)
    market.settle()
    assert all(b"buyer-1" not in entry.envelope.data for entry in market.shop.service.happened())


def test_a_forged_message_sells_nothing(market: Any) -> None:
    """Anybody who knows the address could have our goods sent."""
    market.simulator.paid(SHIRT)
    body = json.dumps(market.simulator.untold[0]).encode()
    other = PATH.replace("taobao", "tmall")

    assert market.send(PATH, body, {}) == 401
    assert market.deliver(body, key=callback_secret(SECRET, "acme")) == 401
    assert market.deliver(body, key=marketplace_secret(SECRET, "globex")) == 401
    signature = sign(
        marketplace_secret(SECRET, "acme"), at=SystemClock().now(), path=other, body=body
    )
    assert market.send(PATH, body, {SIGNATURE_HEADER: signature}) == 401
    assert market.deliver(body, path=PATH.replace("taobao", "bazaar")) == 404
    assert "order_placed" not in market.shop.service.types()


def test_topics_that_say_nothing_to_us_are_confirmed(market: Any) -> None:
    """The marketplace would repeat a remark about a parcel's weight for days."""
    market.simulator.paid(SHIRT)
    message = {**market.simulator.untold[0], "topic": "taobao_trade_TradeMemoModified"}
    assert market.deliver(json.dumps(message).encode()) == 200
    assert "order_placed" not in market.shop.service.types()


@pytest.mark.parametrize("seed", range(6))
def test_a_marketplace_that_stutters_leads_to_the_same_orders(
    make_shop: Any, make_market: Any, tmp_path: Path, seed: int
) -> None:
    """Late, doubled and reordered messages would sell twice, or lose a sale or its money."""
    chance = Random(seed)  # noqa: S311 -- it decides what is late
    shop = make_shop(tmp_path / "shop").stocked(shirt=5, shoes=5)
    market = make_market(shop, chance)
    shop.service.post("/v1/marketplaces/taobao/skus", {"outer_id": "TB-SHOES", "sku": "shoes"})
    say = market.simulator
    for trade in (SHIRT, TWO):
        for tell in (say.created, say.paid, say.shipped, say.arrived):
            tell(trade)
    say.refunded(TWO, "7001", "50.00")
    gone = Trade(tid="2580003", lines=SHIRT.lines, payment="149.00", buyer="buyer-3")
    say.created(gone)
    say.closed(gone)
    market.insist()

    assert [market.order(trade.tid)["status"] for trade in (SHIRT, TWO)] == ["completed"] * 2
    assert (shop.stock("shirt"), shop.stock("shoes")) == ((1, 0, 0), (4, 0, 0))
    assert len(shop.service.happened("payment_captured")) == 2
    settled(market, paid=14900 + 15650 - 5000)
