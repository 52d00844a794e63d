"""What becomes of a drop's pieces: paid, given back, brought back, sent back, left over."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.roles import followers_of


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def statuses(site: Any, *entries: Any) -> list[str]:
    return [site.entry(entry)["status"] for entry in entries]


def test_a_grant_that_nobody_uses_goes_to_the_first_in_line(shop: Any, site: Any) -> None:
    """A piece that somebody forgot to buy would be sold to nobody."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(1, pay_within_minutes=10)
    entries = [site.enter(drop_id, who) for who in ("p1", "p2", "p3")]
    shop.later(10)
    assert statuses(site, *entries) == ["expired", "granted", "waiting"]
    assert site.try_to_order(entries[0], "p1").json["code"] == "drop_entry_over"
    assert site.entry(entries[2])["place_in_line"] == 1
    site.order(entries[1], "p2")
    shop.settle()
    assert statuses(site, *entries) == ["expired", "bought", "sold_out"]
    assert shop.stuck() != []  # the parcel is still to be sent
    shop.goods(site.entry(entries[1])["order_id"], "ship", carrier="post")
    shop.goods(site.entry(entries[1])["order_id"], "deliver")
    shop.later(60)
    assert shop.stuck() == []


def test_whoever_is_told_late_has_the_full_time(shop: Any, site: Any) -> None:
    """After an outage the whole line would have had its turn before anybody knew."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(1, pay_within_minutes=10)
    entries = [site.enter(drop_id, who) for who in ("p1", "p2", "p3")]
    shop.settle()
    shop.service.clock.advance(timedelta(minutes=35))
    shop.settle()
    assert statuses(site, *entries) == ["expired", "granted", "waiting"]
    shop.service.clock.advance(timedelta(minutes=9))
    site.order(entries[1], "p2")
    long_ago = written(shop.service.clock.now() - timedelta(minutes=40))
    again = site.try_to_order(entries[0], "p1", occurred_at=long_ago)
    assert again.json["code"] == "drop_entry_over"


@pytest.mark.parametrize(
    ("method", "minutes"), [("tok_declined", 0), ("tok_timeout", 15), ("tok_capture_fails", 0)]
)
def test_a_payment_that_fails_gives_its_piece_to_the_next(
    shop: Any, site: Any, method: str, minutes: int
) -> None:
    """A declined card would cost the drop a sale."""
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    site.order(first, "p1", method=method)
    shop.later(minutes)
    assert statuses(site, first, second) == ["given_back", "granted"]
    site.order(second, "p2")
    shop.settle()
    assert (site.show(drop_id)["state"], site.stock(drop_id)) == ("sold_out", (1, 0, 1))
    assert shop.money()["difference"] == 0


def test_a_cancelled_order_gives_its_piece_to_the_next(shop: Any, site: Any) -> None:
    """The piece would go to the next before it is there, and their order would fail."""
    # The grants' process hears of it first, while the order's goods are still held.
    processes = tuple(reversed(shop.service.blueprint.processes))
    blueprint = replace(shop.service.blueprint, processes=processes)
    shop.service.followers = followers_of(blueprint, shop.service.storage)
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    order_id = site.order(first, "p1", method="tok_timeout")
    shop.settle()
    cancel = {"reason": "changed_my_mind"}
    path = f"/v1/orders/{order_id}/cancel"
    shop.service.post(path, cancel, headers={"If-Match": "*"})
    shop.settle()
    assert statuses(site, first, second) == ["given_back", "granted"]
    (given_back,) = shop.service.happened("drop_entry_given_back")
    (released,) = shop.service.happened("reservation_released")
    assert released.envelope.position < given_back.envelope.position
    assert given_back.event.reason == "changed_my_mind"


def test_a_late_payment_takes_the_piece_while_it_is_there(shop: Any, site: Any) -> None:
    """Money that came late would be kept without goods, or the piece be sold to two."""
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    site.order(first, "p1", method="tok_late_captured")
    shop.later(15)
    assert statuses(site, first, second) == ["given_back", "granted"]
    shop.later(1)
    assert statuses(site, first) == ["bought"]
    assert (site.show(drop_id)["state"], site.show(drop_id)["granted"]) == ("sold_out", 1)
    unlucky = site.order(second, "p2")
    shop.settle()
    assert shop.show(unlucky)["reason"] == "out_of_stock"
    shown = site.show(drop_id)
    assert (shown["sold"], shown["granted"], shown["ordered"]) == (1, 0, 0)
    assert site.stock(drop_id) == (1, 0, 1)
    assert len(shop.service.happened("drop_sold_out")) == 1
    assert shop.money()["difference"] == 0


def test_a_piece_that_a_late_payment_holds_is_not_granted_again(shop: Any, site: Any) -> None:
    """Somebody would be told to buy what is taken, and be refused at the till."""
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first = site.enter(drop_id, "p1")
    site.order(first, "p1", method="tok_late")
    shop.later(15)
    assert statuses(site, first) == ["given_back"]
    shop.service.clock.advance(timedelta(minutes=1))
    while not shop.service.happened("late_payment_received"):
        shop.provider.step()
    shop.service.settle()  # the goods are held again, and the money is not yet taken
    assert statuses(site, first) == ["used"]
    assert site.enter(drop_id, "p2")["status"] == "waiting"
    shop.settle()
    assert site.show(drop_id)["state"] == "sold_out"


def test_a_late_payment_without_a_piece_is_given_back(shop: Any, site: Any) -> None:
    """The late buyer's money would stay with us."""
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    late = site.order(first, "p1", method="tok_late_captured")
    shop.later(15)
    site.order(second, "p2")
    shop.later(1)
    assert statuses(site, first, second) == ["given_back", "bought"]
    shown = shop.show(late)["payment"]
    assert shown["captured"] == shown["refunded"]
    assert site.stock(drop_id) == (1, 0, 1)


def test_a_sale_that_cannot_be_sent_gives_its_piece_back(shop: Any, site: Any) -> None:
    """A sale that came to nothing would leave a piece unsold, or grant one that is on its way."""
    site.verify("p1", "p2", "p3", "p4")
    drop_id = site.announce(3)
    sent, unsent, third, waiting = (site.enter(drop_id, f"p{number}") for number in range(1, 5))
    orders = [site.order(entry, f"p{number}") for number, entry in enumerate((sent, unsent), 1)]
    shop.settle()
    shop.goods(orders[0], "ship", carrier="post")
    for order_id in orders:
        shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()
    assert statuses(site, sent, unsent, waiting) == ["bought", "given_back", "granted"]
    site.order(third, "p3")
    site.order(waiting, "p4")
    shop.settle()
    assert statuses(site, third, waiting) == ["bought", "bought"]
    assert (site.show(drop_id)["state"], site.stock(drop_id)) == ("sold_out", (2, 0, 2))
    assert shop.money()["difference"] == 0


def test_what_is_left_goes_home_whenever_it_becomes_free(shop: Any, site: Any) -> None:
    """Unsold goods would lie at a place where nobody can buy them."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(4, more_in_store=1, pay_within_minutes=60)
    shop.service.clock.advance(timedelta(minutes=50))
    first, second, third = (site.enter(drop_id, f"p{number}") for number in (1, 2, 3))
    site.order(first, "p1")
    shop.later(10)
    shown = site.show(drop_id)
    assert (shown["state"], shown["sold"], shown["granted"]) == ("closed", 1, 2)
    assert (shop.stock("redmi"), site.stock(drop_id)) == ((2, 0, 0), (3, 0, 1))
    # Whoever was granted before the end still has their time; then the piece goes home.
    site.order(second, "p2", method="tok_declined")
    shop.settle()
    assert (shop.stock("redmi"), site.stock(drop_id)) == ((3, 0, 0), (2, 0, 1))
    shop.later(50)
    assert statuses(site, first, second, third) == ["bought", "given_back", "expired"]
    assert (shop.stock("redmi"), site.stock(drop_id)) == ((4, 0, 0), (1, 0, 1))
    assert site.show(drop_id)["returned"] == 3


def test_goods_that_a_buyer_sends_back_go_home(shop: Any, site: Any) -> None:
    """They would be sold again in a drop that has sold out."""
    site.verify("p1", "p2")
    drop_id = site.announce(1)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    order_id = site.order(first, "p1")
    shop.settle()
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.settle()
    lines = [{"sku": "redmi", "qty": 1}]
    shop.goods(order_id, "return", lines=lines, condition="good")
    shop.settle()
    assert (shop.stock("redmi"), site.stock(drop_id)) == ((1, 0, 0), (0, 0, 0))
    assert statuses(site, first, second) == ["bought", "sold_out"]


def test_plain_orders_are_none_of_the_drops_business(shop: Any) -> None:
    """Every order would have a second process that never ends."""
    shop.stocked(shirt=1)
    shop.order(("shirt", 1))
    shop.settle()
    advanced = {entry.event.process for entry in shop.service.happened("process_advanced")}
    assert advanced == {"order_process"}
