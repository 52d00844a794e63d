"""The fulfilment partner: asked once, heard in whatever order, and never needed."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import FixedClock, SystemClock
from chassis.settings import SettingsInvalid
from chassis.testing.contexts import NOW, SECRET
from commerce import settings
from commerce.fulfilment_port import fulfilment_gateway
from commerce.fulfilment_simulator import FulfilmentSimulator
from commerce.partner_simulator import PartnerServer
from commerce.settings import callback_secret, fulfilment_secret

PATH = "/v1/tenants/acme/fulfilment/callbacks"
PRICE = 149000


@pytest.mark.parametrize("word", ["ok", "repeat", "reordered"])
def test_a_paid_order_is_packed_and_sent_by_the_partner(shop: Any, word: str) -> None:
    """Paid orders would wait for somebody who types them in again."""
    partner = shop.with_partner(behave=lambda _: word)
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    shop.settle()

    shown = shop.show(order_id)
    assert (shown["status"], shown["fulfilment"]) == ("completed", "delivered")
    for name in ("fulfilment_accepted", "fulfilment_shipped", "fulfilment_delivered"):
        expected = 0 if (name, word) == ("fulfilment_accepted", "reordered") else 1
        assert len(shop.service.happened(name)) == expected
    assert shop.stock("shirt") == (1, 0, 0)
    assert partner.untold == 0
    assert shop.stuck() == []


def test_a_late_partner_is_waited_for(shop: Any) -> None:
    """An order would be taken for delivered while it is still on the shelf."""
    shop.with_partner(behave=lambda _: "late")
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    seen = []
    for hours in (0, 2, 24):
        shop.settle()
        shop.service.clock.set(NOW + timedelta(hours=hours))
        shop.settle()
        seen.append(shop.show(order_id)["fulfilment"])
    assert seen == ["accepted", "shipped", "delivered"]


@pytest.mark.parametrize(("word", "on_hand"), [("fails", 2), ("lost", 1)])
def test_a_parcel_that_cannot_be_sent_gives_the_money_back(
    shop: Any, word: str, on_hand: int
) -> None:
    """The buyer would have paid for nothing; or lost goods would be sold again."""
    partner = shop.with_partner(behave=lambda _: word)
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    shop.settle()

    shown = shop.show(order_id)
    assert (shown["status"], shown["fulfilment"]) == ("cancelled", "failed")
    assert shown["payment"]["refunded"]["amount"] == PRICE
    assert shop.stock("shirt") == (on_hand, 0, 0)
    assert (shop.money()["difference"], partner.untold, shop.stuck()) == (0, 0, [])


def test_a_partner_that_is_away_is_asked_again(shop: Any) -> None:
    """An order would never be packed because of a moment's trouble."""
    shop.with_partner(down=1)
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    shop.settle()
    assert shop.show(order_id)["fulfilment"] == "requested"
    parked = shop.service.rows("SELECT subscription, tries FROM parked")
    assert parked == [{"subscription": "fulfilment_partner", "tries": 1}]

    follower = next(one for one in shop.service.followers if one.name == "fulfilment_partner")
    follower._clock = FixedClock(SystemClock().now() + timedelta(hours=1))
    shop.settle()

    assert shop.show(order_id)["status"] == "completed"


def test_what_was_called_off_is_not_sent(shop: Any) -> None:
    """A parcel would leave for a buyer who has the money back."""
    partner = shop.with_partner(behave=lambda _: "late")
    order_id = shop.stocked(shirt=2).order(("shirt", 1))
    shop.settle()
    assert partner.untold == 2
    shop.goods(order_id, "fail", reason="address_unknown")
    shop.settle()

    assert partner.untold == 0
    assert shop.show(order_id)["status"] == "cancelled"


def test_without_a_partner_the_warehouse_works_as_before(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shop with a warehouse of its own could not start."""
    monkeypatch.delenv("FULFILMENT_PARTNER_URL", raising=False)
    assert fulfilment_gateway(shop.service.storage) == {}
    monkeypatch.setenv("FULFILMENT_PARTNER_URL", "partner")
    with pytest.raises(SettingsInvalid, match="FULFILMENT_PARTNER_URL"):
        settings.partner()
    monkeypatch.setenv("FULFILMENT_PARTNER_URL", "http://partner.test")
    monkeypatch.setenv("COMMERCE_PUBLIC_URL", "http://commerce.test/")
    assert set(fulfilment_gateway(shop.service.storage)) == {
        "fulfilment_requested",
        "fulfilment_failed",
    }


def test_purchases_at_a_till_are_no_parcels(shop: Any) -> None:
    """The partner would pack what the buyer has carried home."""
    partner = shop.with_partner()
    store = {"store_id": "s", "name": "s", "address": "s", "region": "s", "zone": "UTC",
             "position": {"latitude": 0, "longitude": 0}}  # fmt: skip
    assert shop.service.call("POST", "/v1/stores", store).status_code == 204
    shop.stocked(shirt=1)
    line = {"sku": "shirt", "qty": 1, "price": {"amount": 1, "currency": "TWD"}}
    told = {"receipt_no": "1", "lines": [line], "paid_with": "cash", "paid_at": NOW.isoformat()}
    shop.service.post("/v1/stores/s/purchases", told)
    shop.settle()
    assert (partner.untold, shop.callbacks) == (0, [])


def deliver(shop: Any, body: dict[str, Any], key: bytes | None = None) -> int:
    raw = json.dumps({"callback_id": "c", "sent_at": NOW.isoformat(), **body}).encode()
    secret = fulfilment_secret(SECRET, "acme") if key is None else key
    signature = sign(secret, at=SystemClock().now(), path=PATH, body=raw)
    return int(shop.call_back(PATH, raw, {SIGNATURE_HEADER: signature}))


def test_what_left_after_it_had_failed_is_no_lie(shop: Any) -> None:
    """The partner would repeat it for ever, and the goods be sold again."""
    order_id = shop.stocked(shirt=1).order(("shirt", 1))
    shop.settle()
    kinds = ["failed", "shipped", "delivered"]
    assert [deliver(shop, {"order_id": order_id, "kind": kind}) for kind in kinds] == [200] * 3
    shop.settle()
    assert shop.stock("shirt") == (0, 0, 0)
    assert shop.show(order_id)["fulfilment"] == "delivered"


@pytest.mark.parametrize(
    ("kinds", "status", "code"),
    [
        (["delivered"], 409, "not_under_way"),
        (["shipped", "delivered", "failed"], 409, "already_delivered"),
        (["failed", "delivered"], 409, "not_under_way"),
        (["stolen"], 400, "invalid"),
    ],
)
def test_news_that_cannot_be_is_refused(
    shop: Any, kinds: list[str], status: int, code: str
) -> None:
    """An order would be complete that never left."""
    order_id = shop.stocked(shirt=1).order(("shirt", 1))
    shop.settle()
    answers = [deliver(shop, {"order_id": order_id, "kind": kind}) for kind in kinds]
    assert answers == [200] * (len(kinds) - 1) + [status]
    assert shop.refused_with == code


def test_a_forged_callback_delivers_nothing(shop: Any) -> None:
    """Anybody who knows the address could have any order taken for delivered."""
    order_id = shop.stocked(shirt=1).order(("shirt", 1))
    shop.settle()
    news = {"order_id": order_id, "kind": "shipped"}
    for key in (callback_secret(SECRET, "acme"), fulfilment_secret(SECRET, "globex")):
        assert deliver(shop, news, key=key) == 401
    assert deliver(shop, {**news, "order_id": str(UUID(int=9))}) == 404
    assert shop.show(order_id)["fulfilment"] == "requested"


def test_the_simulator_answers_over_a_socket_and_remembers(tmp_path: Path) -> None:
    """The partner of a demonstration would forget its parcels when it is restarted."""
    heard: list[str] = []

    def listen(_url: str, body: bytes, _headers: Any) -> int:
        heard.append(json.loads(body)["kind"])
        return 200

    clock, journal = FixedClock(NOW), tmp_path / "journal"
    how = {"secret": SECRET, "clock": clock, "send": listen, "journal": journal,
           "behave": lambda _: "late"}  # fmt: skip
    server = PartnerServer(FulfilmentSimulator(**how))
    server.start()
    order = {"merchant": "acme", "callback_url": f"http://commerce.test{PATH}", "location": "main"}
    path = f"{server.url}/fulfilments/{UUID(int=1)}/pack"
    answers = [httpx.post(path, json=order, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert httpx.post(path, json={}).status_code == 400
    assert httpx.post(f"{server.url}/elsewhere", json=order).status_code == 404
    server.stop()

    clock.set(NOW + timedelta(days=2))
    again = FulfilmentSimulator(**how)
    again.step()
    assert (sorted(heard), again.untold) == (["accepted", "delivered", "shipped"], 0)
