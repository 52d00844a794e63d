"""Drops over HTTP: announced, entered, ordered under, sold out or closed."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

ELSEWHERE = {"platform": "weibo", "property": "page-1", "mode": "page"}


def code(answer: Any) -> str:
    return str(answer.json["code"])


def test_a_drop_sells_its_pieces_to_those_who_came_first(shop: Any, site: Any) -> None:
    """Buyers would be served by luck, or more would be sold than was set aside."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(2)
    first, second, third = (site.enter(drop_id, who) for who in ("p1", "p2", "p3"))
    assert [entry["status"] for entry in (first, second, third)] == [
        "granted",
        "granted",
        "waiting",
    ]
    assert (third["place_in_line"], third["pay_until"]) == (1, None)
    for who, entry in (("p1", first), ("p2", second)):
        site.order(entry, who)
    shop.settle()

    shown = site.show(drop_id)
    assert (shown["state"], shown["sold"], shown["waiting"]) == ("sold_out", 2, 1)
    assert [site.entry(entry)["status"] for entry in (first, second, third)] == [
        "bought",
        "bought",
        "sold_out",
    ]
    assert site.stock(drop_id) == (2, 0, 2)
    assert len(shop.service.happened("drop_sold_out")) == 1
    assert code(site.try_to_enter(drop_id, "p4")) == "drop_sold_out"
    assert shop.money()["difference"] == 0


def test_the_goods_leave_the_store_when_the_drop_is_announced(shop: Any, site: Any) -> None:
    """Plain orders would buy what was set aside, and the drop would have nothing to sell."""
    drop_id = site.announce(2, more_in_store=1)
    shop.settle()
    assert shop.stock("redmi") == (1, 0, 0)
    assert site.stock(drop_id) == (2, 0, 0)
    assert shop.service.get("/v1/stock/redmi")["available"] == 1
    assert [drop["drop_id"] for drop in shop.service.get("/v1/drops")["drops"]] == [drop_id]

    now = shop.service.clock.now().isoformat()
    more = {"sku": "redmi", "stock": 2, "opens_at": now, "closes_at": "2027-01-01T00:00:00Z"}
    refused = shop.service.call("POST", "/v1/drops", more)
    assert (refused.status_code, code(refused)) == (409, "too_few_for_drop")
    place = f"drop-{drop_id}"
    elsewhere = shop.service.call("POST", "/v1/drops", {**more, "stock": 1, "location": place})
    assert code(elsewhere) == "location_of_drop"


def test_nobody_else_touches_the_place_of_a_drop(shop: Any, site: Any, body_of: Any) -> None:
    """An order without an entry would take the drop's goods, past everybody in line."""
    place = f"drop-{site.announce(1)}"
    body = body_of(("redmi", 1), location=place)
    assert code(shop.service.call("POST", "/v1/orders", body)) == "location_of_drop"
    more = {"sku": "redmi", "qty": 1, "location": place}
    assert code(shop.service.call("POST", "/v1/stock/receipts", more)) == "location_of_drop"


@pytest.mark.requirement("X3")
def test_while_exclusivity_lasts_other_channels_are_refused(
    shop: Any, site: Any, body_of: Any
) -> None:
    """A launch that was sold to one platform would be bought on another one."""
    site.verify("p1")
    until = shop.service.clock.now() + timedelta(minutes=30)
    drop_id = site.announce(
        1,
        more_in_store=2,
        channel_exclusive="qzone",
        exclusive_until=until.isoformat(),
        pay_within_minutes=50,
    )
    # The entry, the order under it, and a plain order of the same product.
    refused = site.try_to_enter(drop_id, "p1", origin=ELSEWHERE)
    assert (refused.status_code, code(refused)) == (409, "exclusive_to_other_channel")
    assert refused.json["requirement"] == "X3"
    entry = site.enter(drop_id, "p1")
    under = site.try_to_order(entry, "p1", origin=ELSEWHERE)
    plain = shop.service.call("POST", "/v1/orders", body_of(("redmi", 1), origin=ELSEWHERE))
    assert [code(answer) for answer in (under, plain)] == ["exclusive_to_other_channel"] * 2
    assert shop.service.happened("order_placed") == []
    # On the platform itself it can be bought all the time, elsewhere once exclusivity is over.
    on_qzone = {"platform": "qzone", "property": "page-2", "mode": "page"}
    shop.order(("redmi", 1), origin=on_qzone)
    shop.service.clock.set(until)
    shop.order(("redmi", 1), origin=ELSEWHERE)
    site.order(entry, "p1", origin=ELSEWHERE)


def test_nobody_orders_from_a_time_after_the_exclusivity(
    shop: Any, site: Any, body_of: Any
) -> None:
    """Who may say when an order happened would say that it is over."""
    site.announce(1, more_in_store=1, channel_exclusive="qzone")
    tomorrow = (shop.service.clock.now() + timedelta(days=1)).isoformat()
    body = body_of(("redmi", 1), origin=ELSEWHERE, occurred_at=tomorrow)
    assert code(shop.service.call("POST", "/v1/orders", body)) == "exclusive_to_other_channel"


def test_exclusivity_of_one_product_leaves_the_others_alone(shop: Any, site: Any) -> None:
    """The whole shop would close everywhere else while one product is launched."""
    site.announce(1, channel_exclusive="qzone")
    shop.stocked(shirt=1)
    assert shop.order(("shirt", 1), origin=ELSEWHERE)


def test_one_phone_lets_one_person_in(shop: Any, site: Any) -> None:
    """A phone that is passed on would verify as many persons as there are friends."""
    drop_id = site.announce(3)
    for person in ("p1", "p2"):
        verified = {"phone_id": "the-phone", "person_id": person,
                    "valid_until": "2026-08-04T02:00:00Z"}  # fmt: skip
        shop.service.receive("identity", "phone_verified", verified)
        answer = site.try_to_enter(drop_id, person)
    assert code(answer) == "drop_limit_reached"
    site.verify("p2")
    assert code(site.try_to_enter(drop_id, "p2")) == "drop_limit_reached"
    shop.service.receive("identity", "phone_released", {"phone_id": "the-phone", "person_id": "p2"})
    assert site.enter(drop_id, "p2")["status"] == "granted"


def test_only_verified_persons_enter(shop: Any, site: Any) -> None:
    """Whoever makes the most accounts would buy everything."""
    drop_id = site.announce(3)
    refused = site.try_to_enter(drop_id, "p1")
    assert (refused.status_code, code(refused)) == (409, "person_not_verified")
    site.verify("p1")
    link = {"account_id": "account-1", "person_id": "p1"}
    shop.service.receive("identity", "account_linked", link)
    assert site.enter(drop_id, "account-1")["status"] == "granted"
    assert code(site.try_to_enter(drop_id, "p1")) == "drop_limit_reached"

    site.verify("p2")
    released = {"phone_id": "phone-of-p2", "person_id": "p2"}
    shop.service.receive("identity", "phone_released", {**released, "person_id": "p9"})
    assert site.enter(drop_id, "p2")["status"] == "granted"
    shop.service.receive("identity", "phone_released", released)
    assert code(site.try_to_enter(drop_id, "p2")) == "person_not_verified"
    site.verify("p3")
    shop.service.clock.advance(timedelta(days=91))
    later = site.announce(1)
    assert code(site.try_to_enter(later, "p3")) == "person_not_verified"


def test_merged_persons_share_one_limit(shop: Any, site: Any) -> None:
    """One person would buy once under every name."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(3)
    first, second = site.enter(drop_id, "p1"), site.enter(drop_id, "p2")
    shop.service.receive("identity", "persons_merged", {"survivor": "p1", "absorbed": "p2"})
    assert code(site.try_to_enter(drop_id, "p2")) == "drop_limit_reached"
    site.order(first, "p1")
    assert code(site.try_to_order(second, "p2")) == "drop_limit_reached"
    assert site.enter(drop_id, "p3")["status"] == "granted"


def test_a_drop_has_its_hours(shop: Any, site: Any) -> None:
    """One would buy before the launch, or after it."""
    site.verify("p1")
    now = shop.service.clock.now()
    drop_id = site.announce(
        1, opens_at=(now + timedelta(minutes=10)).isoformat(), channel_exclusive="qzone"
    )
    assert site.show(drop_id)["state"] == "scheduled"
    early = site.try_to_enter(drop_id, "p1")
    assert (early.status_code, code(early)) == (409, "drop_not_open")
    shop.later(10)
    assert site.show(drop_id)["state"] == "open"
    shop.later(50)
    assert code(site.try_to_enter(drop_id, "p1")) == "drop_closed"
    shown = site.show(drop_id)
    assert (shown["state"], shown["returned"]) == ("closed", 1)
    assert shop.stock("redmi") == (1, 0, 0)
    assert shop.stuck() == []


def test_a_second_request_with_the_same_key_is_the_same_entry(shop: Any, site: Any) -> None:
    """Whoever clicks twice would stand in line twice, or lose the place."""
    site.verify("p1")
    drop_id = site.announce(1)
    assert site.enter(drop_id, "p1", key="k1") == site.enter(drop_id, "p1", key="k1")
    assert len(shop.service.happened("drop_entered")) == 1
    assert site.try_to_enter(str(UUID(int=9)), "p1").status_code == 404
    unknown = f"/v1/drops/{drop_id}/entries/{UUID(int=9)}"
    assert code(shop.service.call("GET", unknown)) == "drop_entry_unknown"


def test_a_drop_and_its_entries_are_shown_at_once(shop: Any, site: Any) -> None:
    """Whoever looks right after entering would be told that there is no such entry."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(1)
    entries = [site.enter(drop_id, who) for who in ("p1", "p2", "p3")]
    early = [site.entry(entry) for entry in entries], site.show(drop_id)
    assert early[0] == entries
    shop.settle()
    assert [site.entry(entry) for entry in entries] == entries
    assert {**early[1], "state": "open"} == site.show(drop_id)
    assert [entry["place_in_line"] for entry in entries] == [None, 1, 2]


def test_a_grant_is_good_for_one_order(shop: Any, site: Any) -> None:
    """One grant would buy many, or another person's would."""
    site.verify("p1", "p2")
    drop_id = site.announce(2)
    entry = site.enter(drop_id, "p1")
    assert code(site.try_to_order(entry, "p2")) == "drop_entry_of_other"
    two = {"lines": [{"sku": "redmi", "qty": 2}]}
    assert code(site.try_to_order(entry, "p1", **two)) == "order_differs_from_drop_entry"
    also = {"lines": [{"sku": "redmi", "qty": 1}, {"sku": "shirt", "qty": 1}]}
    shop.stocked(shirt=1)
    assert code(site.try_to_order(entry, "p1", **also)) == "order_differs_from_drop_entry"
    order_id = site.order(entry, "p1", key="k1")
    assert site.order(entry, "p1", key="k1") == order_id
    assert code(site.try_to_order(entry, "p1")) == "drop_entry_used"
    shop.settle()
    assert code(site.try_to_order(entry, "p1")) == "drop_entry_used"
    (placed,) = shop.service.happened("order_placed")
    assert placed.event.location == f"drop-{drop_id}"
    assert str(placed.event.drop_entry) == entry["entry_id"]


def test_an_order_waits_for_its_money_as_long_as_its_grant_allows(shop: Any, site: Any) -> None:
    """Goods would be kept for longer than for all who pay in time."""
    site.verify("p1")
    entry = site.enter(site.announce(1, pay_within_minutes=5), "p1")
    shop.service.clock.advance(timedelta(minutes=4))
    site.order(entry, "p1", method="tok_timeout")
    (placed,) = shop.service.happened("order_placed")
    waits = placed.event.payment_due_at - placed.event.placed_at
    assert waits == timedelta(minutes=2)  # not a minute: paying takes a moment
    assert placed.event.reserved_until - placed.event.payment_due_at == timedelta(minutes=5)


def test_a_forgotten_person_takes_no_part(shop: Any, site: Any) -> None:
    """Something new would be kept about somebody who asked to be forgotten."""
    site.verify("p1", "p2", "p3")
    drop_id = site.announce(1, verified_only=False)
    entries = [site.enter(drop_id, who) for who in ("p1", "p2", "p3")]
    erased = {"request_id": str(UUID(int=3)), "person_id": "p2", "subjects": ["p2"]}
    shop.service.receive("identity", "erasure_requested", erased)
    site.verify("p2")
    holders = shop.service.rows("SELECT person_id FROM verified_phones ORDER BY person_id")
    assert [row["person_id"] for row in holders] == ["p1", "p3"]
    assert code(site.try_to_enter(drop_id, "p2")) == "buyer_erased"
    shop.later(15)  # the grant of the first one ends
    statuses = [site.entry(entry)["status"] for entry in entries]
    assert statuses == ["expired", "passed_over", "granted"]
    shown = site.show(drop_id)
    assert (shown["entered"], shown["waiting"], shown["granted"]) == (3, 0, 1)
