"""What changes while a trade is open: what it costs, and where its goods may be sold."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.money import Money
from commerce.marketplace_simulator import Bought, Trade
from commerce.order_events import FulfilmentLine, OrderLine
from commerce.order_process_state import State, priced
from shop_under_test import settled


def trade(payment: str, *, tid: str = "2580001", sku: str = "shirt", num: int = 3) -> Trade:
    bought = [Bought(outer_id=sku, num=num, payment=payment)]
    return Trade(tid=tid, lines=bought, payment=payment)


def lines(order: Any) -> list[tuple[int, int]]:
    return [(line["qty"], line["price"]["amount"]) for line in order["lines"]]


def on_board(market: Any) -> int:
    (row,) = market.shop.service.get("/v1/orders")["orders"]
    return int(row["total"]["amount"])


def without(message: Mapping[str, Any], *names: str) -> bytes:
    """Return a message that says less of its trade."""
    content = json.loads(message["content"])
    kept = {name: value for name, value in content.items() if name not in names}
    return json.dumps({**message, "content": json.dumps(kept)}).encode()


def test_a_price_that_the_seller_changes_is_what_the_order_costs(market: Any) -> None:
    """The buyer's money would be refused for ever, and belong to no order."""
    market.simulator.created(trade("30.00"))
    market.settle()
    market.simulator.repriced(trade("25.00"))
    market.settle()
    order = market.order()
    assert (order["total"]["amount"], lines(order)) == (2500, [(1, 834), (2, 833)])
    (amended,) = market.shop.service.happened("payment_amended")
    assert (order["status"], amended.event.amount.amount) == ("placed", 2500)
    assert (on_board(market), market.shop.stock("shirt")) == (2500, (5, 3, 0))

    for tell in (market.simulator.paid, market.simulator.shipped, market.simulator.arrived):
        tell(trade("25.00"))
        market.settle()

    (asked,) = market.shop.service.happened("fulfilment_requested")
    sent = [(line.qty, line.price.amount) for line in asked.event.lines]
    assert sent == [(1, 834), (2, 833)]
    (confirmed,) = market.shop.service.happened("order_confirmed")
    assert confirmed.event.total.amount == 2500
    assert market.shop.stock("shirt") == (2, 0, 0)
    settled(market, paid=2500)


def test_a_payment_says_the_last_price(market: Any) -> None:
    """A buyer would have paid what we did not hear of in time, and get nothing."""
    market.simulator.created(trade("10.00"))
    market.settle()
    market.simulator.paid(trade("9.00"))
    market.settle()
    market.simulator.repriced(trade("9.50"))  # told late; the buyer paid after it had changed again
    market.settle()

    order = market.order()
    assert (order["status"], order["total"]["amount"]) == ("confirmed", 900)
    (asked,) = market.shop.service.happened("fulfilment_requested")
    assert sum(line.price.amount * line.qty for line in asked.event.lines) == 900
    market.simulator.shipped(trade("9.00"))
    market.simulator.arrived(trade("9.00"))
    market.insist()
    settled(market, paid=900)


def test_a_new_price_can_be_the_first_that_is_heard(market: Any) -> None:
    """What was told late would put an order back to a price that nobody pays."""
    market.simulator.repriced(trade("9.00"))
    market.settle()
    market.simulator.created(trade("10.00"))
    market.settle()
    assert market.order()["total"]["amount"] == 900
    assert "order_repriced" not in market.shop.service.types()


@pytest.mark.parametrize("short", [False, True])
def test_a_new_price_is_taken_by_an_order_that_ended_unpaid(
    shop: Any, make_market: Any, *, short: bool
) -> None:
    """Money that comes after the end of an order would be neither booked nor given back."""
    market = make_market(shop.stocked(shirt=0 if short else 5))
    market.simulator.created(trade("10.00"))
    market.settle()
    shop.service.clock.advance(timedelta(hours=73))
    shop.settle()
    assert market.order()["status"] == ("cancelled" if short else "expired")
    market.simulator.paid(trade("9.00"))
    market.settle()

    if not short:
        assert market.order()["status"] == "confirmed"
        assert market.money()["paid_orders"] == 900
        return
    assert market.money()["refunding"] == 900
    market.simulator.refunded(trade("9.00"), "7001", "9.00")
    market.settle()
    settled(market, paid=0)


def test_all_that_was_paid_comes_back_after_a_new_price(market: Any) -> None:
    """The old price would be given back: more than was paid, or less."""
    market.simulator.created(trade("10.00"))
    market.simulator.repriced(trade("12.01"))
    market.settle()
    market.simulator.paid(trade("12.01"))
    market.settle()
    order_id = market.order()["order_id"]
    market.shop.goods(order_id, "fail", reason="address_unknown")
    market.settle()
    assert market.money()["refunding"] == 1201
    market.simulator.refunded(trade("12.01"), "7001", "12.01")
    market.settle()
    assert market.shop.stock("shirt") == (5, 0, 0)
    settled(market, paid=0)


@given(
    split=st.lists(st.integers(1, 5), min_size=1, max_size=5),
    costs=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 999)), min_size=1, max_size=5),
)
def test_reservations_stay_whatever_the_new_price_is(
    split: list[int], costs: list[tuple[int, int]]
) -> None:
    """More would be sent than was set aside, or goods come back for another price than was paid."""
    pieces, wanted = [qty for qty, _ in costs], sum(split)
    assume(sum(pieces) >= wanted)
    price = Money(amount=1, currency="CNY")
    reserved = tuple(
        FulfilmentLine(reservation=str(number), sku="shirt", qty=qty, price=price)
        for number, qty in enumerate(split)
    )
    prices = [replace(price, amount=each) for qty, each in costs for _ in range(qty)][:wanted]
    lines = tuple(OrderLine(sku="shirt", qty=1, price=each) for each in prices)
    together = priced(State(lines=reserved, prices=lines))
    assert [line.price for line in together for _ in range(line.qty)] == prices
    for line in reserved:
        assert (
            sum(part.qty for part in together if part.reservation == line.reservation) == line.qty
        )


def test_another_price_of_other_goods_is_shown_not_booked(market: Any) -> None:
    """Goods would leave that nobody set aside, or fewer than were paid."""
    market.simulator.created(trade("10.00"))
    market.settle()
    market.simulator.repriced(trade("9.00", num=2))
    market.simulator.paid(trade("9.00", sku="shoes"))
    market.settle()
    assert [entry["code"] for entry in market.refused()] == ["goods_differ"] * 2
    assert market.order()["total"]["amount"] == 1000
    assert market.money()["captured"] == 0


def test_a_second_amount_for_what_was_paid_is_shown_not_booked(market: Any) -> None:
    """Money would appear, or vanish, with one strange message."""
    market.simulator.paid(trade("10.00"))
    market.settle()
    market.simulator.paid(trade("9.00"))
    market.settle()
    assert [entry["code"] for entry in market.refused()] == ["amount_differs"]
    assert market.money()["captured"] == 1000


@pytest.mark.parametrize("missing", ["orders", "payment"])
def test_a_new_price_without_its_details_waits_for_them(market: Any, missing: str) -> None:
    """Postage would be lost, or a line have no price."""
    market.simulator.created(trade("10.00"))
    market.settle()
    market.simulator.repriced(trade("9.00"))
    assert market.deliver(without(market.simulator.untold[0], missing)) == 409
    market.shop.settle()
    assert [entry["code"] for entry in market.refused()] == ["too_early"]
    market.settle()
    assert (market.refused(), market.order()["total"]["amount"]) == ([], 900)


def test_a_closed_trade_has_no_new_price(market: Any) -> None:
    """An order that is over would change again."""
    market.simulator.created(trade("10.00"))
    market.settle()
    market.simulator.closed(trade("10.00"))
    market.settle()
    market.simulator.repriced(trade("9.00"))
    market.settle()
    assert market.order()["total"]["amount"] == 1000
    settled(market, paid=0)


@pytest.mark.requirement("X3")
def test_a_trade_of_what_is_exclusive_elsewhere_is_cancelled_and_its_money_goes_back(
    market: Any, site: Any
) -> None:
    """Another platform would sell what is promised to one alone, or money would have no order."""
    site.announce(1, more_in_store=2, channel_exclusive="qzone")
    waits, pays = (trade("149.00", tid=tid, sku="redmi", num=1) for tid in ("1", "2"))
    market.simulator.created(waits)
    market.simulator.paid(pays)
    market.settle()

    for one in (waits, pays):
        order = market.order(one.tid)
        assert (order["status"], order["reason"]) == ("cancelled", "exclusive_to_other_channel")
    assert market.shop.stock("redmi") == (2, 0, 0)
    assert "fulfilment_requested" not in market.shop.service.types()
    assert market.money()["refunding"] == 14900

    market.simulator.paid(waits)  # the marketplace takes the money, whatever we say
    market.settle()
    assert market.money()["refunding"] == 2 * 14900
    for one in (waits, pays):
        market.simulator.refunded(one, f"700{one.tid}", "149.00")
        market.simulator.closed(one)
    market.settle()
    assert market.money()["refunded"] == 2 * 14900
    market.shop.later(60)  # the drop ends
    settled(market, paid=0)


@pytest.mark.requirement("X3")
def test_a_trade_is_taken_back_only_while_the_product_is_exclusive(market: Any, site: Any) -> None:
    """Trades of before and after, told late, would be taken back for nothing."""
    clock = market.shop.service.clock
    before, during, after = (trade("149.00", tid=t, sku="redmi", num=1) for t in ("1", "2", "3"))
    market.simulator.paid(before)
    clock.advance(timedelta(minutes=1))
    until = clock.now() + timedelta(hours=1)
    how = {"channel_exclusive": "qzone", "exclusive_until": until.isoformat()}
    site.announce(1, more_in_store=5, pay_within_minutes=50, **how)
    market.simulator.paid(during)
    clock.set(until)
    market.simulator.paid(after)
    market.settle()
    statuses = [market.order(one.tid)["status"] for one in (before, during, after)]
    assert statuses == ["confirmed", "cancelled", "confirmed"]


@pytest.mark.requirement("X3")
def test_the_platform_itself_sells_what_is_its_own(market: Any, site: Any) -> None:
    """A marketplace with a product of its own could not sell it."""
    site.announce(1, more_in_store=2, channel_exclusive="taobao")
    market.simulator.paid(trade("149.00", sku="redmi", num=1))
    market.settle()
    assert market.order()["status"] == "confirmed"
