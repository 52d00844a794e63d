"""Refunds that the provider refuses, forgets, or makes after all: never twice, never in silence."""

import json
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import FixedClock, SystemClock
from chassis.errors import Unavailable
from chassis.testing.contexts import NOW, SECRET
from commerce.gateways import Asked, PaymentProvider
from commerce.order_process_state import payment_of
from commerce.payment import REFUND_TRIES
from commerce.provider_simulator import ProviderSimulator
from commerce.settings import callback_secret

PATH = "/v1/tenants/acme/payments/callbacks"
PRICE, DAY = 149000, 24 * 60


def returned(shop: Any, method: str) -> str:
    """Sell two shirts and take one of them back."""
    shop.stocked(shirt=2)
    order_id = str(shop.order(("shirt", 2), method=method))
    for _ in range(2):
        shop.later(1)  # for a provider that is asked again
    shop.goods(order_id, "ship", carrier="post")
    shop.goods(order_id, "deliver")
    shop.goods(order_id, "return", lines=[{"sku": "shirt", "qty": 1}], condition="good")
    shop.settle()
    return order_id


def flying(shop: Any) -> tuple[int, int, int]:
    """Return what is to go back, is going and went, in shirts; all must add up."""
    shop.money_adds_up_at_every_position()
    money = shop.money()
    assert money["difference"] == 0
    back = (money[name] // PRICE for name in ("to_refund", "refunding", "refunded"))
    return next(back), next(back), next(back)


def say(shop: Any, order_id: str, kind: str, refund_id: UUID) -> int:
    """Let the provider say something of a refund that it would not say by itself."""
    news = {
        "callback_id": f"{kind}-{refund_id}",
        "payment_id": str(payment_of(UUID(order_id))),
        "kind": kind,
        "amount": {"amount": PRICE, "currency": "TWD"},
        "refund_id": str(refund_id),
        "sent_at": NOW.isoformat(),
    }
    body, secret = json.dumps(news).encode(), callback_secret(SECRET, "acme")
    signature = sign(secret, at=SystemClock().now(), path=PATH, body=body)
    return int(shop.call_back(PATH, body, {SIGNATURE_HEADER: signature}))


def test_a_refused_refund_is_asked_for_again_until_it_is_made(shop: Any) -> None:
    """The buyer would never see the money of what was sent back."""
    returned(shop, "tok_refund_fails")
    assert (flying(shop), shop.stuck()[0]["last"]) == ((1, 0, 0), "payment_refund_failed")
    shop.later(DAY - 1)
    assert len(shop.service.happened("refund_requested")) == 1
    shop.later(1)
    assert (flying(shop), len(shop.service.happened("refund_requested"))) == ((1, 0, 0), 2)
    shop.later(DAY)

    assert (flying(shop), shop.stuck()) == ((0, 0, 1), [])
    asked = [entry.event.refund_id for entry in shop.service.happened("refund_requested")]
    assert len(asked) == len(set(asked)) == 3


def test_a_refund_that_always_fails_stays_in_sight(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The money would be kept in silence once nobody is asked any more."""
    monkeypatch.setattr("commerce.provider_scenarios.REFUSALS", 99)
    order_id = returned(shop, "tok_refund_fails")
    for _ in range(REFUND_TRIES + 2):
        shop.later(DAY)

    assert len(shop.service.happened("refund_requested")) == REFUND_TRIES
    assert flying(shop) == (1, 0, 0)
    assert [(entry["key"], entry["last"]) for entry in shop.stuck()] == [
        (order_id, "payment_refund_failed")
    ]


def test_a_refund_without_an_answer_stays_in_sight(shop: Any) -> None:
    """Nobody would notice that the buyer never got the money."""
    order_id = returned(shop, "tok_refund_lost")
    shop.later(30 * DAY)

    assert flying(shop) == (0, 1, 0)
    assert [entry["key"] for entry in shop.stuck()] == [order_id]


def test_a_void_without_an_answer_stays_in_sight(shop: Any) -> None:
    """The buyer's money would stay set aside, or be taken, without anybody looking."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_void_lost")
    shop.later(15)
    shop.later(30 * DAY)

    assert shop.show(order_id)["status"] == "cancelled"
    assert shop.show(order_id)["payment"]["status"] == "voiding"
    assert shop.stock("shirt") == (1, 0, 0)
    assert (flying(shop), [entry["key"] for entry in shop.stuck()]) == ((0, 0, 0), [order_id])


@pytest.mark.parametrize("days", [0, 1])
def test_a_refund_that_was_made_after_all_is_not_asked_for_again(shop: Any, days: int) -> None:
    """The buyer would get the money twice, or the books would never balance again."""
    order_id = returned(shop, "tok_refund_fails")
    for _ in range(days):
        shop.later(DAY)
    (first, *_) = [entry.event.refund_id for entry in shop.service.happened("refund_requested")]
    assert [say(shop, order_id, "refunded", first) for _ in range(2)] == [200, 200]
    for _ in range(3):
        shop.later(DAY)

    assert len(shop.service.happened("refund_requested")) == 1 + days
    assert len(shop.service.happened("payment_refunded")) == 1
    assert (flying(shop), shop.stuck()) == ((0, 0, 1), [])


def test_a_refund_that_was_made_twice_stays_in_sight(shop: Any) -> None:
    """Our money would be gone, and every report would be content."""
    order_id = returned(shop, "tok_refund_fails")
    for _ in range(2):
        shop.later(DAY)
    assert flying(shop) == (0, 0, 1)
    first = shop.service.happened("refund_requested")[0].event.refund_id
    assert say(shop, order_id, "refunded", first) == 200
    shop.settle()

    assert flying(shop) == (0, 0, 1)
    assert [entry["last"] for entry in shop.stuck()] == ["payment_refund_doubled"]


def test_a_refused_refund_of_an_expired_order_is_owed(shop: Any) -> None:
    """It would be reported as money of which nobody knows yet whose it is."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_late_captured")
    shop.later(15)
    shop.order(("shirt", 1), person_id="p2")
    shop.settle()
    shop.service.clock.advance(timedelta(minutes=1))
    shop.provider.step()
    shop.service.settle()
    assert flying(shop) == (0, 1, 0)
    (refund,) = [entry.event for entry in shop.service.happened("refund_requested")]

    assert say(shop, order_id, "refund_failed", refund.refund_id) == 200
    shop.service.settle()
    assert (flying(shop), shop.money()["unconfirmed"]) == ((1, 0, 0), 0)
    shop.settle()  # now the provider says that it was made after all
    assert flying(shop) == (0, 0, 1)


def test_a_provider_that_is_away_is_asked_again_and_nothing_is_doubled(shop: Any) -> None:
    """A request that was taken before the connection was lost would be made twice."""
    returned(shop, "tok_unavailable")
    for _ in range(3):
        shop.later(20)

    assert flying(shop) == (0, 0, 1)
    types = shop.service.types()
    once = ("payment_authorized", "payment_captured", "refund_requested", "payment_refunded")
    assert [types.count(name) for name in once] == [1, 1, 1, 1]
    assert shop.stuck() == []


def test_a_request_whose_answer_is_lost_is_taken_once() -> None:
    """The connection is cut after the provider took the request; it would act on it twice."""
    simulator = ProviderSimulator(secret=SECRET, clock=FixedClock(NOW), send=lambda *_: 200)
    inner, calls = httpx.WSGITransport(app=simulator.wsgi), count()

    def cut(request: httpx.Request) -> httpx.Response:
        answer = inner.handle_request(request)
        if next(calls) == 0:
            raise httpx.ReadError("cut", request=request)
        return answer

    client = httpx.Client(transport=httpx.MockTransport(cut), base_url="http://p.test")
    provider = PaymentProvider(client, callbacks="http://c.test")
    asked = Asked(
        key=UUID(int=1),
        path=f"/payments/{UUID(int=2)}/authorise",
        body={"amount": {"amount": PRICE, "currency": "TWD"}, "method": "tok_ok"},
        correlation_id=UUID(int=3),
    )
    with pytest.raises(Unavailable):
        provider.ask("acme", asked)
    provider.ask("acme", asked)
    assert simulator.untold == 1


def test_another_amount_pays_no_order(shop: Any) -> None:
    """An order would be sent that was paid in part."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_other_amount")
    shop.settle()
    assert (shop.callbacks, shop.refused_with) == ([422], "amount_differs")
    shop.later(15)

    assert shop.show(order_id)["status"] == "expired"
    assert shop.stock("shirt") == (1, 0, 0)
    assert (flying(shop), shop.stuck()) == ((0, 0, 0), [])


def test_another_amount_that_was_taken_stays_in_sight(shop: Any) -> None:
    """The provider would have taken the buyer's money for nothing, and nobody would know."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_other_captured")
    shop.settle()
    assert (shop.callbacks, shop.refused_with) == ([200, 422], "amount_differs")
    shop.later(15)
    shop.later(DAY)

    assert shop.show(order_id)["status"] == "cancelled"
    assert shop.show(order_id)["payment"]["status"] == "voiding"
    assert (flying(shop), [entry["key"] for entry in shop.stuck()]) == ((0, 0, 0), [order_id])
