"""Partners and marketplaces are heard of at every crash; everything ends as if none had been."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest

from chassis.testing.contexts import SECRET
from chassis.testing.killing import surviving
from commerce.marketplace_simulator import Bought, MarketplaceSimulator, Trade
from crash_stories import Story, killed_everywhere


def through_a_partner(word: str) -> Story:
    """Lead one order to its end through a fulfilment partner."""

    def story(shop: Any, _: Any) -> None:
        shop.with_partner(behave=lambda _: word)
        shop.stocked(shirt=2)
        shop.order(("shirt", 1), key="k")
        surviving(shop.settle)

    return story


@pytest.mark.parametrize("word", ["ok", "reordered", "fails", "lost"])
def test_a_parcel_survives_a_kill_at_every_step(fresh_shop: Any, site_of: Any, word: str) -> None:
    """After a crash the partner would never hear of an order, or pack it twice."""
    _, killer = killed_everywhere(fresh_shop, site_of, through_a_partner(word))

    assert killer.kills["fulfilment_partner.called"] >= 1


TID = "2580001"


def trade_over(payment: str, sku: str = "shirt") -> Trade:
    bought = [Bought(outer_id=sku, num=2, payment=payment)]
    return Trade(tid=TID, lines=bought, payment=payment)


def trade_that(ending: str) -> Story:
    """Lead one trade of a marketplace to its end."""

    def story(shop: Any, site: Any) -> None:
        shop.stocked(shirt=0 if ending == "oversold" else 2)
        if ending == "exclusive":
            site.announce(1, more_in_store=2, channel_exclusive="qzone", key="drop")
        trade = trade_over("298.00", "redmi" if ending == "exclusive" else "shirt")
        send = partial(tell, shop)
        market = MarketplaceSimulator(secret=SECRET, clock=shop.service.clock, send=send)
        for say in sayings(market, ending):
            say(trade)
            surviving(shop.settle)
            surviving(partial(repeat, market))
            surviving(shop.settle)

    return story


def sayings(market: MarketplaceSimulator, ending: str) -> Any:
    """Return what the marketplace says, one thing after the other."""
    cheaper, cheapest = trade_over("199.99"), trade_over("100.01")
    return {
        "repriced": (
            market.created,
            lambda _: market.repriced(cheaper),
            lambda _: market.paid(cheapest),
            market.shipped,
            market.arrived,
        ),
        "repriced_and_paid_back": (
            market.created,
            lambda _: market.paid(cheaper),
            lambda _: market.refunded(cheaper, "7001", "199.99"),
        ),
        "exclusive": (market.paid, lambda trade: market.refunded(trade, "7001", "298.00")),
        "arrived": (market.created, market.paid, market.shipped, market.arrived),
        "closed": (market.created, market.closed),
        "oversold": (market.paid, lambda trade: market.refunded(trade, "7001", "298.00")),
        "paid_back": (market.paid, lambda trade: market.refunded(trade, "7001", "298.00")),
        "paid_back_and_sent": (
            market.paid,
            lambda trade: market.refunded(trade, "7001", "298.00"),
            market.shipped,
        ),
        "closed_and_sent": (market.closed, market.shipped),
    }[ending]


def tell(shop: Any, path: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Deliver a message of the marketplace to commerce."""
    answer = shop.service.client.post(
        path, data=body, headers=dict(headers), content_type="application/json"
    )
    return int(answer.status_code)


def repeat(market: MarketplaceSimulator) -> None:
    """Let the marketplace try until its message is confirmed."""
    assert market.step() == 1, market.untold


ENDINGS = (
    "arrived",
    "closed",
    "closed_and_sent",
    "exclusive",
    "oversold",
    "paid_back",
    "paid_back_and_sent",
    "repriced",
    "repriced_and_paid_back",
)


NEW_PRICES = {"repriced": 2, "repriced_and_paid_back": 1}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_trade_survives_a_kill_at_every_step(fresh_shop: Any, site_of: Any, ending: str) -> None:
    """After a crash a paid trade would have no goods, or goods without money would leave."""
    expected, killer = killed_everywhere(fresh_shop, site_of, trade_that(ending))

    assert killer.kills["order_process.handled"] >= 2
    types = [fact[2] for fact in expected]
    assert types.count("order_repriced") == NEW_PRICES.get(ending, 0)
    assert types.count("fulfilment_went_on") == ending.endswith("and_sent")
