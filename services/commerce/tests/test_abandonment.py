"""Carts that were left, and what their buyers had asked and were not answered."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from chassis.faults import set_hook
from chassis.testing.contexts import NOW
from chassis.testing.killing import Killer, surviving

ORIGIN = {"platform": "weibo", "property": "page-1", "content": "c1", "mode": "page"}
ASKER = str(UUID(int=77))
REPORT = "/v1/reports/abandonment"


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def filled(shop: Any, buyer: str = "p1", **lines: int) -> str:
    cart = shop.service.post("/v1/carts", {"person_id": buyer, "origin": ORIGIN})
    for sku, qty in (lines or {"shirt": 1}).items():
        line = {"sku": sku, "qty": qty}
        shop.service.post(f"/v1/carts/{cart['cart_id']}/lines", line)
    return str(cart["cart_id"])


def order(shop: Any, cart_id: str, buyer: str = "p1") -> None:
    body = {"person_id": buyer, "origin": ORIGIN, "payment_method": "tok_ok", "cart_id": cart_id}
    shop.service.post("/v1/orders", body)


def ask(
    shop: Any, author: str = ASKER, *, kind: str = "consultation", at: datetime | None = None
) -> str:
    """Let somebody ask something in public, and return the case of it."""
    case_id = str(uuid4())
    opened = {
        "case_id": case_id,
        "turn": 1,
        "author_account": author,
        "type": kind,
        "clock_started_at": stamp(at or shop.service.clock.now()),
        "product_refs": ["shirt"],
    }
    shop.service.receive("listening", "case_opened", opened)
    return case_id


def answer(shop: Any, case_id: str, at: datetime | None = None) -> None:
    data = {"case_id": case_id, "turn": 1, "at": stamp(at or shop.service.clock.now())}
    shop.service.receive("listening", "reply_sent", data)


def link(shop: Any, account: str = ASKER, person: str = "p1") -> None:
    data = {"account_id": account, "person_id": person, "rule": "otp"}
    shop.service.receive("identity", "account_linked", data)


def left(shop: Any) -> Any:
    return [entry.event for entry in shop.service.happened("cart_abandoned")]


@pytest.mark.requirement("K7", half="commerce")
def test_an_unanswered_enquiry_explains_an_abandoned_cart(shop: Any) -> None:
    """The company would never learn that a sale was lost because nobody answered."""
    shop.stocked(shirt=9)
    link(shop)
    cart_id = filled(shop)
    shop.later(2)
    case_id = ask(shop)
    shop.later(58)

    (event,) = left(shop)
    assert (str(event.cart_id), event.minutes, event.buyer) == (cart_id, 60, "p1")
    assert event.at == NOW + timedelta(minutes=60)
    assert (str(event.last_enquiry.case_id), event.last_enquiry.at) == (
        case_id,
        NOW + timedelta(minutes=2),
    )
    report = shop.service.get(f"{REPORT}?minutes=60")
    assert (report["abandoned"], report["lost_for_lack_of_service"]) == (1, 1)
    (row,) = shop.service.get(f"{REPORT}/carts?minutes=60&lost=true")["carts"]
    assert (row["cart_id"], row["case_id"]) == (cart_id, case_id)
    # The same enquiry is too old to explain it when only what was asked just before counts.
    short = shop.service.get(f"{REPORT}?minutes=57")
    assert (short["abandoned"], short["lost_for_lack_of_service"]) == (1, 0)
    assert shop.service.get(f"{REPORT}/carts?minutes=57&lost=true")["carts"] == []


@pytest.mark.parametrize("settled", ["answered", "closed", "praise", "another_person"])
def test_who_was_answered_left_for_another_reason(shop: Any, settled: str) -> None:
    """Service would be blamed for carts that it had nothing to do with."""
    shop.stocked(shirt=9)
    link(shop)
    filled(shop)
    asker = str(UUID(int=5)) if settled == "another_person" else ASKER
    case_id = ask(shop, asker, kind="praise" if settled == "praise" else "consultation")
    shop.later(5)
    if settled == "answered":
        answer(shop, case_id)
    if settled == "closed":
        data = {"case_id": case_id, "turn": 1, "at": stamp(shop.service.clock.now())}
        shop.service.receive("listening", "case_resolved", data)
    shop.later(60)

    (event,) = left(shop)
    assert event.last_enquiry is None
    report = shop.service.get(REPORT)
    assert (report["abandoned"], report["lost_for_lack_of_service"]) == (1, 0)


def test_an_answer_after_the_cart_was_left_came_too_late(shop: Any) -> None:
    """A late reply would make the lost sale vanish from the report."""
    shop.stocked(shirt=9)
    link(shop)
    filled(shop)
    case_id = ask(shop)
    shop.later(60)
    answer(shop, case_id, NOW + timedelta(minutes=61))
    assert shop.service.get(REPORT)["lost_for_lack_of_service"] == 1


def test_late_news_of_an_answer_in_time_corrects_the_report(shop: Any) -> None:
    """A broker that stood still for an hour would make service look bad for ever."""
    shop.stocked(shirt=9)
    link(shop)
    filled(shop)
    case_id = ask(shop)
    shop.later(60)
    assert shop.service.get(REPORT)["lost_for_lack_of_service"] == 1
    answer(shop, case_id, NOW + timedelta(minutes=3))
    assert shop.service.get(REPORT)["lost_for_lack_of_service"] == 0


def test_a_second_question_in_the_conversation_counts_by_itself(shop: Any) -> None:
    """Whoever was answered once could be ignored from then on."""
    shop.stocked(shirt=9)
    link(shop)
    case_id = ask(shop)
    answer(shop, case_id)
    filled(shop)
    shop.later(1)
    again = {"case_id": case_id, "turn": 2, "author_account": ASKER, "type": "purchase"}
    again["clock_started_at"] = stamp(shop.service.clock.now())
    shop.service.receive("listening", "case_reopened", again)
    shop.later(60)
    assert shop.service.get(REPORT)["lost_for_lack_of_service"] == 1


def test_a_touched_cart_is_not_left_and_a_left_one_can_be_taken_up(shop: Any) -> None:
    """Buyers who think for long would count as lost, and again each time they come back."""
    shop.stocked(shirt=9)
    cart_id = filled(shop)
    shop.later(59)
    shop.service.post(f"/v1/carts/{cart_id}/lines", {"sku": "shirt", "qty": 2})
    shop.later(59)
    assert left(shop) == []
    shop.later(1)
    assert len(left(shop)) == 1
    shop.service.post(f"/v1/carts/{cart_id}/lines", {"sku": "shirt", "qty": 1})
    shop.settle()
    report = shop.service.get(REPORT)
    assert (report["abandoned"], report["came_back"]) == (0, 1)
    shop.later(60)
    assert len(left(shop)) == 2
    order(shop, cart_id)
    shop.later(120)
    assert len(left(shop)) == 2
    report = shop.service.get(REPORT)
    assert (report["abandoned"], report["came_back"], report["others"]["paid"]) == (0, 1, 1)
    assert {entry["process"] for entry in shop.stuck()} == {"order_process"}


def test_the_funnel_compares_those_without_an_answer_with_the_others(shop: Any) -> None:
    """One could not say what answering is worth, or for which goods."""
    shop.stocked(shirt=9, shoes=9)
    link(shop, ASKER, "p1")
    for buyer in ("p2", "p3", "p4"):
        filled(shop, buyer, shirt=1)
    bought = filled(shop, "p5", shoes=1)
    lost = filled(shop, "p1", shirt=2, shoes=1)
    case_id = ask(shop)
    order(shop, bought, "p5")
    shop.later(60)

    report = shop.service.get(REPORT)
    assert report["unanswered"] == {"opened": 1, "checked_out": 0, "paid": 0, "abandoned": 1}
    assert report["others"] == {"opened": 4, "checked_out": 1, "paid": 1, "abandoned": 3}
    assert report["products"] == [
        {"sku": "shirt", "abandoned": 4, "lost_for_lack_of_service": 1, "pieces": 5},
        {"sku": "shoes", "abandoned": 1, "lost_for_lack_of_service": 1, "pieces": 1},
    ]
    (row,) = shop.service.get(f"{REPORT}/carts?sku=shoes")["carts"]
    assert (row["cart_id"], row["case_id"]) == (lost, case_id)
    first = shop.service.get(f"{REPORT}/carts?limit=3")
    second = shop.service.get(f"{REPORT}/carts?limit=3&cursor={first['next']}")
    assert len({row["cart_id"] for row in first["carts"] + second["carts"]}) == 4
    assert shop.service.get(f"{REPORT}?until={stamp(NOW)}")["abandoned"] == 0
    assert shop.service.get(f"{REPORT}?since={stamp(NOW)}")["abandoned"] == 4


def test_the_report_outlives_a_forgotten_buyer(shop: Any) -> None:
    """Either the lost sale would vanish, or the buyer would not be forgotten."""
    shop.stocked(shirt=9)
    link(shop)
    cart_id = filled(shop)
    case_id = ask(shop)
    shop.later(60)
    asked = {"request_id": str(uuid4()), "person_id": "p1", "subjects": ["p1", ASKER]}
    shop.service.receive("identity", "erasure_requested", asked)
    shop.settle()

    assert shop.service.rows("SELECT * FROM cart_buyers") == []
    assert shop.service.rows("SELECT * FROM enquiries") == []
    assert shop.service.get(REPORT)["lost_for_lack_of_service"] == 1
    (row,) = shop.service.get(f"{REPORT}/carts?lost=true")["carts"]
    assert (row["cart_id"], row["case_id"]) == (cart_id, case_id)
    ask(shop)
    assert shop.service.rows("SELECT * FROM enquiries") == []


def test_the_patience_with_carts_is_a_setting(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shop for sofas and one for snacks would wait equally long."""
    monkeypatch.setenv("CART_ABANDON_MINUTES", "7")
    shop.stocked(shirt=9)
    filled(shop)
    shop.later(7)
    assert [event.minutes for event in left(shop)] == [7]


def recorded_by(shop: Any) -> list[Any]:
    """Lead two carts, one that is left twice and one that is ordered, and return the log."""
    followers = shop.service.followers
    shop.service.followers = [one for one in followers if one.name == "processes"]
    shop.stocked(shirt=9)
    link(shop)
    cart_id = filled(shop)
    ask(shop)
    ordered = filled(shop, "p2")
    order(shop, ordered, "p2")
    for minute in (0, 15, 60):  # at 15 the order, which nobody pays, expires
        shop.service.clock.set(NOW + timedelta(minutes=minute))
        surviving(shop.service.settle)
    shop.service.post(f"/v1/carts/{cart_id}/lines", {"sku": "shirt", "qty": 2})
    shop.service.clock.set(NOW + timedelta(minutes=120))
    surviving(shop.service.settle)
    return [(entry.type, entry.envelope.version) for entry in shop.service.happened()]


def test_an_abandonment_survives_a_kill_at_every_step(make_shop: Any, tmp_path: Path) -> None:
    """After a crash a cart would never be called left, or be called so twice."""
    expected = sorted(recorded_by(make_shop(tmp_path / "undisturbed")))
    killer = Killer()
    set_hook(killer)
    try:
        killed = sorted(recorded_by(make_shop(tmp_path / "killed")))
    finally:
        set_hook(None)
    assert killed == expected
    assert [name for name, _ in killed].count("cart_abandoned") == 2
    assert killer.kills["cart_process.handled"] >= 5
    assert killer.kills["timer.before_commit"] >= 2
