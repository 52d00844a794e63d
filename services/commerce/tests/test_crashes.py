"""Each process is killed at every point it passes; everything ends as if nothing happened."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chassis.testing.contexts import NOW
from chassis.testing.killing import MOST_KILLS, surviving
from crash_stories import Story, killed_everywhere


def order_story(method: str, ending: str, minutes: Sequence[int], days: int = 0) -> Story:
    """Lead one order to its end."""

    def story(shop: Any, _: Any) -> None:
        shop.stocked(shirt=2, shoes=1)
        body = {"method": method, "person_id": "p1"}
        lines = ("shirt", 1), ("shoes", 2 if ending == "short" else 1)
        order_id = shop.order(*lines, key="k", **body)
        for minute in minutes:
            shop.service.clock.set(NOW + timedelta(minutes=minute))
            surviving(shop.settle)
        if ending in {"fail", "fail_late", "return"}:
            act(shop, order_id, ending)
            surviving(shop.settle)
        for day in range(1, days + 1):
            shop.service.clock.set(NOW + timedelta(days=day))
            surviving(shop.settle)

    return story


def act(shop: Any, order_id: str, ending: str) -> None:
    """Tell what became of the parcel."""
    if ending in {"fail", "fail_late"}:
        shop.goods(order_id, "fail", reason="address_unknown")
        if ending == "fail_late":
            surviving(shop.settle)
            shop.goods(order_id, "ship", carrier="post")
        return
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    if ending == "return":
        shop.goods(order_id, "return", lines=[{"sku": "shoes", "qty": 1}], condition="good")


@pytest.mark.parametrize(
    ("method", "ending", "minutes"),
    [
        ("tok_ok", "short", [0]),
        ("tok_ok", "fail", [0]),
        ("tok_ok", "fail_late", [0]),
        ("tok_ok", "return", [0]),
        ("tok_declined", "", [0]),
        ("tok_timeout", "", [0, 15]),
        ("tok_late_captured", "", [0, 15, 16]),
        ("tok_capture_fails", "", [0]),
        ("tok_capture_lost", "", [0, 15]),
    ],
)
def test_an_order_survives_a_kill_at_every_step(
    fresh_shop: Any, site_of: Any, method: str, ending: str, minutes: list[int]
) -> None:
    """After a crash an order would hang, or goods or money would move twice."""
    story = order_story(method, ending, minutes)
    expected, killer = killed_everywhere(fresh_shop, site_of, story)

    steps = sum(fact[2] == "process_advanced" for fact in expected)
    assert killer.kills["order_process.handled"] >= steps
    assert killer.kills["order_process.before_commit"] >= 1
    if ending != "short":
        assert killer.kills["payment_provider.called"] >= 1
    if len(minutes) > 1:
        assert killer.kills["timer.before_commit"] >= 1


def test_a_refused_refund_survives_a_kill_at_every_step(fresh_shop: Any, site_of: Any) -> None:
    """After a crash money would go back twice, or never be asked back again."""
    story = order_story("tok_refund_fails", "return", [0], days=2)
    expected, killer = killed_everywhere(fresh_shop, site_of, story)

    types = [fact[2] for fact in expected]
    asked = [types.count(f"{what}") for what in ("refund_requested", "payment_refund_failed")]
    assert (asked, types.count("payment_refunded")) == ([3, 2], 1)
    assert killer.kills["timer.before_commit"] >= 2


class Buyers:
    """Who takes part in a drop of a story."""

    def __init__(self, shop: Any, site: Any, stock: int) -> None:
        self._shop = shop
        self._site = site
        site.verify("p1", "p2", "p3", "p4")
        self.drop_id = site.announce(stock, key="drop", pay_within_minutes=20)
        self.entries = {who: self._enter(who) for who in ("p1", "p2", "p3", "p4")}

    def _enter(self, who: str) -> Any:
        """Ask again under the same key, as a client does that got no answer."""
        for _ in range(MOST_KILLS):
            answer = self._site.try_to_enter(self.drop_id, who, key=who)
            if answer.status_code == 201:
                return answer.json
        raise AssertionError(answer.text)

    def order(self, who: str, method: str) -> str:
        """Order under an entry."""
        return str(self._site.order(self.entries[who], who, method=method, key=f"order-{who}"))

    def at(self, minute: int) -> None:
        """Let it become so late, and everything happen that is due."""
        self._shop.service.clock.set(NOW + timedelta(minutes=minute))
        surviving(self._shop.settle)


def sold_out(shop: Any, site: Any) -> None:
    """One pays, one never does, one forgets to order, and the last in line gets the piece."""
    buyers = Buyers(shop, site, 2)
    buyers.order("p1", "tok_ok")
    buyers.order("p2", "tok_timeout")
    for minute in (0, 15, 35):
        buyers.at(minute)
    buyers.order("p4", "tok_ok")
    for minute in (35, 60):
        buyers.at(minute)


def paid_late(shop: Any, site: Any) -> None:
    """Money comes for a piece that was granted to the next one meanwhile."""
    buyers = Buyers(shop, site, 1)
    buyers.order("p1", "tok_late_captured")
    for minute in (0, 15, 16):
        buyers.at(minute)
    buyers.order("p2", "tok_ok")
    for minute in (16, 60):
        buyers.at(minute)


def left_over(shop: Any, site: Any) -> None:
    """The drop ends with pieces that nobody came for or ordered, and one is sent back."""
    buyers = Buyers(shop, site, 5)
    sent = buyers.order("p1", "tok_ok")
    buyers.at(0)
    shop.goods(sent, "ship", carrier="post")
    shop.goods(sent, "deliver")
    for minute in (20, 60):
        buyers.at(minute)
    lines = [{"sku": "redmi", "qty": 1}]
    shop.goods(sent, "return", lines=lines, condition="good")
    buyers.at(60)


@pytest.mark.parametrize(
    ("story", "ending"),
    [
        (sold_out, {"drop_sold_out": 1, "drop_closed": 1, "drop_grant_expired": 1}),
        (paid_late, {"drop_sold_out": 1, "drop_entry_revived": 1, "drop_entry_given_back": 2}),
        (left_over, {"drop_closed": 1, "drop_stock_returned": 1, "drop_grant_expired": 3}),
    ],
)
def test_a_drop_survives_a_kill_at_every_step(
    fresh_shop: Any, site_of: Any, story: Story, ending: dict[str, int]
) -> None:
    """After a crash a piece would be granted to nobody or to two, or lie there for ever."""
    expected, killer = killed_everywhere(fresh_shop, site_of, story)

    types = [fact[2] for fact in expected]
    assert {name: types.count(name) for name in ending} == ending
    advanced = [fact[3].process for fact in expected if fact[2] == "process_advanced"]
    for process in ("drop_process", "drop_grant_process"):
        assert killer.kills[f"{process}.handled"] >= advanced.count(process) > 1
    assert killer.kills["timer.before_commit"] >= 2
    assert killer.kills["hot.committed"] >= 1
