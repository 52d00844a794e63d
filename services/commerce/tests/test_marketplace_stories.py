"""Whatever trades go through, in whatever order it is told: nothing is oversold, no money lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from chassis.timers import fire_due
from commerce.departures import AFTER_ALL
from commerce.marketplace_simulator import Bought, Trade
from commerce.stock import STOCK
from stories import Chance, by_chance, few

PRICE, TRADES, STOCKED = 1999, 3, 4
trades = st.tuples(st.just("buy"), st.integers(1, 3))
prices = st.tuples(st.just("reprice"), st.integers(0, 5), st.integers(1, 9999))
wishes = st.tuples(
    st.sampled_from(["pay", "ship", "arrive", "ask", "refund", "refund_all", "close"]),
    st.integers(0, 5),
)
turns = st.tuples(st.just("turn"), st.integers(0, 9))
rest = st.sampled_from([("speak",), ("settle",), ("timers",), ("days", 4)])
stories = st.lists(st.one_of(trades, wishes, wishes, prices, turns, rest), min_size=5, max_size=30)

SOLD = [("buy", 1), ("pay", 0), *[("speak",), ("settle",)] * 4]


@dataclass
class Kept:
    """A trade as the marketplace keeps it: what it can still become."""

    trade: Trade
    total: int
    paid: bool = False
    shipped: bool = False
    refunds: list[int] = field(default_factory=list)
    closed: bool = False

    @property
    def left(self) -> int:
        """What was paid and not given back."""
        return (self.total - sum(self.refunds)) if self.paid else 0


def decimal(amount: int) -> str:
    return f"{amount // 100}.{amount % 100:02}"


def tell(market: Any, kept: list[Kept], action: Sequence[Any]) -> None:
    """Let one thing happen, at the marketplace or here."""
    shop = market.shop
    match action:
        case ("buy", qty) if len(kept) < TRADES:
            total = PRICE * qty
            line = Bought(outer_id="shirt", num=qty, payment=decimal(total))
            trade = Trade(tid=str(len(kept) + 1), lines=[line], payment=decimal(total))
            kept.append(Kept(trade=trade, total=total))
            market.simulator.created(trade)
        case ("turn", which):
            shop.service.followers[which % len(shop.service.followers)].step()
        case ("speak",):
            market.simulator.step()
        case ("settle",):
            shop.settle()
        case ("timers",):
            fire_due(shop.service.storage)
        case ("days", days):
            shop.service.clock.advance(timedelta(days=days))
        case ("reprice", which, total) if kept:
            costs(market.simulator, kept[which % len(kept)], total)
        case (wish, which) if kept:
            happens(market.simulator, kept[which % len(kept)], wish)


def happens(say: Any, one: Kept, wish: str) -> None:
    """Let the marketplace's own rules decide whether a wish can be."""
    if one.closed:
        return
    match wish:
        case "pay" if not one.paid:
            one.paid = True
            say.paid(one.trade)
        case "ship" if one.paid and not one.shipped and one.left:
            one.shipped = True
            say.shipped(one.trade)
        case "arrive" if one.shipped:
            say.arrived(one.trade)
        case "ask" if one.left:
            say.refund_asked(one.trade, f"{one.trade.tid}0{len(one.refunds)}", "1.00")
        case "refund" if one.left:
            gives_back(say, one, max(one.left // 2, 1))
        case "refund_all" if one.left:
            gives_back(say, one, one.left)
        case "close" if not one.left:
            one.closed = True
            say.closed(one.trade)
        case _:
            return


def costs(say: Any, one: Kept, total: int) -> None:
    """Let the seller change the price of what is not paid; some such messages come too late."""
    if one.paid or one.closed:
        return
    (line,) = one.trade.lines
    one.total, price = total, decimal(total)
    one.trade = replace(one.trade, lines=[replace(line, payment=price)], payment=price)
    say.repriced(one.trade)


def gives_back(say: Any, one: Kept, amount: int) -> None:
    one.refunds.append(amount)
    say.refunded(one.trade, f"{one.trade.tid}0{len(one.refunds)}", decimal(amount))


def ends(market: Any, kept: list[Kept]) -> None:
    """Let the marketplace pay back what we could not carry out, and say all it has to say."""
    for _ in range(60):
        market.simulator.step()
        market.shop.settle()
    for one in kept:
        shown = order(market, one)
        if shown and shown["status"] in {"cancelled", "expired"} and one.left:
            gives_back(market.simulator, one, one.left)
    for _ in range(60):
        market.simulator.step()
        market.shop.settle()


def order(market: Any, one: Kept) -> Any:
    """Return the order of a trade; None when it was closed before we heard of it."""
    placed = [
        entry.event.order_id
        for entry in market.shop.service.happened("order_placed")
        if entry.event.external_ref == one.trade.tid
    ]
    assert len(placed) <= 1
    return market.shop.show(str(placed[0])) if placed else None


def everything_is_where_it_belongs(market: Any, kept: list[Kept]) -> None:
    """Assert that each trade and its order agree about the money, and that stock adds up."""
    shop = market.shop
    shop.money_adds_up_at_every_position()
    stock = [e.event for e in shop.service.happened() if e.envelope.stream == "stock-shirt@main"]
    promised = [event for event in stock if getattr(event, "reason", None) != AFTER_ALL]
    assert all(STOCK.fold(promised[:length]).available >= 0 for length in range(len(promised) + 1))
    assert STOCK.fold(stock).on_hand == shop.stock("shirt")[0] == on_the_shelf(kept, stock)
    for one in kept:
        shown = order(market, one)
        if shown is None:
            assert one.closed
            continue
        payment = shown["payment"]
        held = payment["captured"]["amount"] - payment["refunded"]["amount"]
        assert held == one.left, (one, shown, market.refused())
        assert not one.paid or shown["total"]["amount"] == one.total
        assert not (one.paid and shown["status"] == "placed")
        assert (shown["status"] in {"confirmed", "completed"}) or held == 0
    waiting = [shop.show(entry["key"]) for entry in shop.stuck()]
    awaited = {"requested", "shipped"}  # or the buyer's money, or goods that were called off
    back = ("cancelled", "delivered")
    assert all(
        each["status"] == "placed"
        or each["fulfilment"] in awaited
        or (each["status"], each["fulfilment"]) == back
        for each in waiting
    )
    for report in shop.service.get("/v1/reports/money"):
        assert report["difference"] == report["refunding"] == report["to_refund"] == 0
        assert report["unconfirmed"] == 0


def on_the_shelf(kept: list[Kept], stock: Sequence[Any]) -> int:
    """Return how many pieces are really there: what left is gone, whatever became of its trade."""
    left = sum(one.trade.lines[0].num for one in kept if one.shipped)
    found = sum(event.qty for event in stock if getattr(event, "reason", None) == "uncounted")
    return STOCKED + found - left


def trades_and_orders_agree(make_shop: Any, make_market: Any, story: Any, seed: int) -> None:
    """Let a story happen, and see that it broke nothing."""
    with TemporaryDirectory() as directory:
        shop = make_shop(Path(directory)).stocked(shirt=STOCKED)
        market = make_market(shop, Random(seed))  # noqa: S311 -- it decides what is late
        kept: list[Kept] = []
        for action in story:
            tell(market, kept, action)
        ends(market, kept)
        everything_is_where_it_belongs(market, kept)


@few(25)
@given(story=stories, seed=st.integers(0, 1000))
@example(story=[*SOLD, ("ship", 0), ("refund_all", 0)], seed=0)
@example(story=[*SOLD, ("ship", 0), ("refund_all", 0)], seed=1)
@example(story=[("buy", 1), ("pay", 0), ("ship", 0), ("refund_all", 0), ("close", 0)], seed=2)
@example(story=[("buy", 1), ("pay", 0), ("ship", 0), ("refund_all", 0), ("close", 0)], seed=3)
def test_trades_and_orders_agree_in_every_order_of_news(
    make_shop: Any, make_market: Any, story: Any, seed: int
) -> None:
    """Some unlucky moment would sell goods twice, or keep or lose a buyer's money."""
    trades_and_orders_agree(make_shop, make_market, story, seed)


CHANCE = Chance()


@by_chance
@given(story=stories, seed=st.integers(0, 1000))
def test_trades_and_orders_agree_in_stories_of_chance(
    make_shop: Any, make_market: Any, story: Any, seed: int
) -> None:
    """The few stories of the quick check would be all that was ever tried."""
    CHANCE.tell(lambda: trades_and_orders_agree(make_shop, make_market, story, seed))
