"""Whatever happens in whatever order: no goods are sold twice, and no money goes astray."""

from collections import Counter
from collections.abc import Container, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chassis.timers import fire_due
from commerce.departures import AFTER_ALL
from commerce.payment import PAYMENT
from commerce.provider_scenarios import REFUSALS
from commerce.stock import STOCK
from stories import Chance, by_chance, few

METHODS = (
    "tok_ok",
    "tok_declined",
    "tok_timeout",
    "tok_slow",
    "tok_late",
    "tok_late_captured",
    "tok_repeat",
    "tok_reordered",
    "tok_capture_fails",
    "tok_capture_lost",
    "tok_refund_fails",
    "tok_refund_lost",
    "tok_void_lost",
    "tok_unavailable",
    "tok_other_amount",
    "tok_other_captured",
)
SILENT = {"tok_refund_lost", "tok_void_lost", "tok_other_captured"}
DAY = 24 * 60
orders = st.tuples(st.just("order"), st.sampled_from(METHODS), st.integers(1, 3))
wishes = st.tuples(
    st.sampled_from(["cancel", "ship", "deliver", "fail", "return"]), st.integers(0, 5)
)
turns = st.tuples(st.just("turn"), st.integers(0, 5))
time = st.tuples(st.just("time"), st.integers(1, 16))
rest = st.sampled_from([("provider",), ("timers",), ("settle",)])
stories = st.lists(st.one_of(orders, wishes, turns, time, rest), min_size=4, max_size=25)


def tell(shop: Any, placed: list[str], action: Sequence[Any]) -> None:
    """Let one thing happen; what is refused did not happen."""
    match action:
        case ("order", method, qty):
            placed.append(shop.order(("shirt", qty), ("shoes", 1), method=method))
        case ("turn", which):
            shop.service.followers[which % len(shop.service.followers)].step()
        case ("time", minutes):
            shop.service.clock.advance(timedelta(minutes=minutes))
        case ("provider",):
            shop.provider.step()
        case ("timers",):
            fire_due(shop.service.storage)
        case ("settle",):
            shop.settle()
        case (wish, which) if placed:
            ask(shop, placed[which % len(placed)], wish)


def ask(shop: Any, order_id: str, wish: str) -> None:
    """Ask something of an order that it may refuse."""
    bodies = {
        "cancel": {"reason": "changed_my_mind"},
        "ship": {"carrier": "post"},
        "deliver": {},
        "fail": {"reason": "address_unknown"},
        "return": {"lines": [{"sku": "shirt", "qty": 1}], "condition": "good"},
    }
    path = "cancel" if wish == "cancel" else f"fulfilment/{wish}"
    answer = shop.service.call(
        "POST", f"/v1/orders/{order_id}/{path}", bodies[wish], headers={"If-Match": "*"}
    )
    assert answer.status_code in {200, 404, 409, 422}, answer.text


def nothing_oversold(shop: Any) -> None:
    """Assert that no more is promised than is there, and no more refunded than was taken."""
    for stream, history in streams_of(shop).items():
        for length in range(1, len(history) + 1):
            if stream.startswith("stock-"):
                assert STOCK.fold(history[:length]).on_hand >= 0
                promised = [event for event in history[:length] if not after_all(event)]
                assert STOCK.fold(promised).available >= 0, history[:length]
            if stream.startswith("payment-"):
                assert PAYMENT.fold(history[:length]).refundable >= 0, history[:length]


def after_all(event: Any) -> bool:
    """Say whether goods left that were called off: they may be promised to others by then."""
    return getattr(event, "reason", None) == AFTER_ALL


def everything_settled(shop: Any, placed: list[str]) -> None:
    """Assert that every order has come to an end and that the money adds up."""
    (money,) = shop.service.get("/v1/reports/money") or [Counter()]
    waiting = {entry["key"]: entry["last"] for entry in shop.stuck()}
    unanswered = not_answered(shop, waiting)
    flying = [money[name] for name in ("difference", "unconfirmed", "to_refund", "refunding")]
    assert flying == [0, 0, 0, sum(unanswered.values())]
    for sku in ("shirt", "shoes"):
        history = [
            e.event for e in shop.service.happened() if e.envelope.stream == f"stock-{sku}@main"
        ]
        on_hand, reserved, confirmed = shop.stock(sku)
        stock = STOCK.fold(history)
        assert (on_hand, reserved + confirmed) == (stock.on_hand, stock.promised)
    for order_id in placed:
        shown = shop.show(order_id)
        if order_id in unanswered:
            assert shown["status"] != "placed"
            continue
        if order_id in waiting and shown["status"] == "cancelled":  # sent all the same
            assert shown["fulfilment"] in {"shipped", "delivered"}
        elif order_id in waiting:  # paid, and nobody has told yet what became of the parcel
            assert shown["status"] == "confirmed"
            assert shown["fulfilment"] in {"requested", "shipped"}
        else:
            assert shown["status"] in {"completed", "cancelled", "expired"}
        if shown["status"] in {"cancelled", "expired"} and shown["payment"]:
            assert shown["payment"]["captured"] == shown["payment"]["refunded"]
    on_hand = {sku: shop.stock(sku)[0] - pieces for sku, pieces in really_there(shop).items()}
    assert not any(on_hand.values()), on_hand


def really_there(shop: Any) -> Counter[str]:
    """Return how many pieces the shelf holds: received, not sent, or sent back."""
    lines = {e.event.order_id: e.event.lines for e in shop.service.happened("order_placed")}
    there = Counter({"shirt": 4, "shoes": 3})
    for event in (entry.event for entry in shop.service.happened("fulfilment_shipped")):
        there.subtract({line.sku: line.qty for line in lines[event.order_id]})
    for event in (entry.event for entry in shop.service.happened("return_received")):
        there.update({line.sku: line.qty for line in event.lines})
    for event in (entry.event for entry in shop.service.happened("stock_adjusted")):
        there.update({event.sku: event.qty} if event.reason == "uncounted" else {})
    return there


def streams_of(shop: Any) -> dict[str, list[Any]]:
    """Return what happened, stream by stream."""
    streams: dict[str, list[Any]] = {}
    for entry in shop.service.happened():
        streams.setdefault(entry.envelope.stream, []).append(entry.event)
    return streams


def not_answered(shop: Any, waiting: Container[str]) -> dict[str, int]:
    """Return the orders whose provider keeps silent, each in sight, and their money on its way."""
    methods = {
        str(entry.event.order_id): entry.event.payment_method
        for entry in shop.service.happened("order_placed")
    }
    silent = {}
    for stream, history in streams_of(shop).items():
        payment = PAYMENT.fold(history) if stream.startswith("payment-") else None
        if payment is not None and (payment.asked or payment.status == "voiding"):
            order_id = str(history[0].order_id)
            assert methods[order_id] in SILENT
            assert order_id in waiting
            silent[order_id] = sum(payment.asked.values())
    return silent


def goods_and_money_add_up(make_shop: Any, story: Any) -> None:
    """Let a story happen, and see that it broke nothing."""
    with TemporaryDirectory() as directory:
        shop, placed = make_shop(Path(directory)).stocked(shirt=4, shoes=3), []
        for action in story:
            tell(shop, placed, action)
        nothing_oversold(shop)
        shop.money_adds_up_at_every_position()
        for minutes in (20, 20, 20, 20, *[DAY] * REFUSALS):
            shop.later(minutes)
        nothing_oversold(shop)
        shop.money_adds_up_at_every_position()
        everything_settled(shop, placed)


@few(15)
@given(story=stories)
def test_goods_and_money_add_up_in_every_order_of_events(make_shop: Any, story: Any) -> None:
    """Some unlucky moment would sell goods that aren't there or keep a buyer's money."""
    goods_and_money_add_up(make_shop, story)


CHANCE = Chance()


@by_chance
@given(story=stories)
def test_goods_and_money_add_up_in_stories_of_chance(make_shop: Any, story: Any) -> None:
    """The few stories of the quick check would be all that was ever tried."""
    CHANCE.tell(lambda: goods_and_money_add_up(make_shop, story))
