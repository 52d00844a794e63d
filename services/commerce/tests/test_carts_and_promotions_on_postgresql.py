"""Carts and promotions on PostgreSQL: the last use goes to one of those who order at once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from chassis.testing.contexts import NOW
from chassis.testing.harness import Harness
from commerce.bootstrap import BLUEPRINT

pytestmark = pytest.mark.servers
BUYERS, USES = 12, 3
TEXTS = [{"lang": "en", "text": "10% off"}]
ORIGIN = {"platform": "weibo", "property": "page-1", "mode": "page"}


@pytest.fixture
def service(postgresql_url: str, tmp_path: Path) -> Iterator[Harness]:
    blueprint = replace(BLUEPRINT, gateways={})  # nobody is asked for money here
    service = Harness(blueprint, tmp_path, database_url=postgresql_url)
    price = {"amount": 1000, "currency": "TWD"}
    body = {"sku": "shirt", "title": "shirt", "list": price, "sale": price}
    service.post("/v1/products", body)
    yield service
    service.storage.database.close()


def promote(service: Harness, **more: Any) -> None:
    discount = {"basis_points": 1000}
    body = {"promotion_id": "tenth", "texts": TEXTS, "discount": discount, **more}
    service.post("/v1/promotions", body)


def at_once(service: Harness, bodies: list[dict[str, Any]]) -> list[Any]:
    """Place orders at the same moment, and return the answers."""
    start = Barrier(len(bodies))

    def place(body: dict[str, Any]) -> Any:
        start.wait()
        return service.call("POST", "/v1/orders", body)

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(place, bodies))


def order(buyer: str, **more: Any) -> dict[str, Any]:
    lines = [{"sku": "shirt", "qty": 1}]
    body = {"person_id": buyer, "origin": ORIGIN, "payment_method": "tok_ok", "lines": lines}
    return {**body, **more}


def outcomes(answers: list[Any]) -> Counter[Any]:
    return Counter(
        answer.json["total"]["amount"] if answer.status_code == 201 else answer.json["code"]
        for answer in answers
    )


def test_buyers_at_once_share_the_uses_of_a_coupon(service: Harness) -> None:
    """Each would see the last use as not yet taken, and all would take it."""
    promote(service, needs_coupon=True)
    body = {"code": "LAST-USES", "uses": USES}
    service.post("/v1/promotions/tenth/coupons", body)
    answers = at_once(service, [order(f"p{n}", coupon="LAST-USES") for n in range(BUYERS)])
    assert outcomes(answers) == {900: USES, "coupon_used_up": BUYERS - USES}
    (row,) = service.rows("SELECT count(*) AS used FROM coupon_uses WHERE counts")
    assert row["used"] == USES


def test_buyers_at_once_share_an_automatic_promotion(service: Harness) -> None:
    """The first three would be twelve."""
    promote(service, total=USES)
    answers = at_once(service, [order(f"p{n}") for n in range(BUYERS)])
    assert outcomes(answers) == {900: USES, 1000: BUYERS - USES}


def test_one_person_at_several_tills_uses_it_once(service: Harness) -> None:
    """Somebody with two windows open would be two persons."""
    promote(service, per_person=1)
    answers = at_once(service, [order("p1") for _ in range(BUYERS)])
    assert outcomes(answers) == {900: 1, 1000: BUYERS - 1}


def test_a_cart_is_ordered_once_however_many_click(service: Harness) -> None:
    """Two clicks at once would order everything twice."""
    cart = service.post("/v1/carts", {"person_id": "p1", "origin": ORIGIN})
    line = {"sku": "shirt", "qty": 1}
    service.post(f"/v1/carts/{cart['cart_id']}/lines", line)
    answers = at_once(service, [order("p1", cart_id=cart["cart_id"]) for _ in range(BUYERS)])
    assert outcomes(answers) == {1000: 1, "cart_checked_out": BUYERS - 1}
    (row,) = service.rows("SELECT count(*) AS orders FROM person_orders")
    assert row["orders"] == 1


def test_a_code_is_issued_for_one_promotion_only(service: Harness) -> None:
    """The row of the second would be lost, and with it what the code is worth."""
    promote(service, needs_coupon=True)
    promote(service, promotion_id="other", needs_coupon=True)
    start = Barrier(2)

    def issue(promotion_id: str) -> int:
        start.wait()
        path = f"/v1/promotions/{promotion_id}/coupons"
        return service.call("POST", path, {"code": "SAME-CODE"}).status_code

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(issue, ["tenth", "other"])) == [201, 409]


def test_the_report_is_the_same_on_postgresql(service: Harness) -> None:
    """What SQLite forgives would fail where the shops run."""
    asker, case_id = str(UUID(int=77)), str(UUID(int=78))
    linked = {"account_id": asker, "person_id": "p1", "rule": "otp"}
    service.receive("identity", "account_linked", linked)
    asked = {"case_id": case_id, "turn": 1, "author_account": asker, "type": "consultation"}
    asked["clock_started_at"] = NOW.isoformat()
    service.receive("listening", "case_opened", asked)
    carts = [
        service.post("/v1/carts", {"person_id": who, "origin": ORIGIN}) for who in ("p1", "p2")
    ]
    line = {"sku": "shirt", "qty": 2}
    for cart in carts:
        service.post(f"/v1/carts/{cart['cart_id']}/lines", line)
    service.advance_to(NOW + timedelta(minutes=60))

    report = service.get("/v1/reports/abandonment")
    assert (report["abandoned"], report["lost_for_lack_of_service"]) == (2, 1)
    assert report["products"] == [
        {"sku": "shirt", "abandoned": 2, "lost_for_lack_of_service": 1, "pieces": 4}
    ]
    (row,) = service.get("/v1/reports/abandonment/carts?lost=true&sku=shirt")["carts"]
    assert (row["cart_id"], row["case_id"]) == (carts[0]["cart_id"], case_id)
    answered = {"case_id": case_id, "turn": 1, "at": (NOW + timedelta(minutes=1)).isoformat()}
    service.receive("listening", "reply_sent", answered)
    assert service.get("/v1/reports/abandonment")["lost_for_lack_of_service"] == 0
