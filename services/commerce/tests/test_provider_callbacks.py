"""Callbacks: only the provider's own count, each once; and the simulator behind a socket."""

import json
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import FixedClock, SystemClock
from chassis.errors import Unavailable
from chassis.ids import new_id
from chassis.testing.contexts import NOW, SECRET
from commerce.gateways import Asked, PaymentProvider, ProviderRefused
from commerce.order_process_state import payment_of
from commerce.partner_simulator import PartnerServer
from commerce.provider_simulator import ProviderSimulator
from commerce.settings import callback_secret

PATH = "/v1/tenants/acme/payments/callbacks"
AMOUNT = {"amount": 149000, "currency": "TWD"}
DEADLINE_SECONDS = 10


def waiting_for_money(shop: Any) -> str:
    """Place an order whose provider stays silent."""
    shop.stocked(shirt=1)
    order_id = shop.order(("shirt", 1), method="tok_timeout")
    shop.settle()
    return str(order_id)


def news(order_id: str, **changes: Any) -> bytes:
    fields = {
        "callback_id": "cb-1",
        "payment_id": str(payment_of(UUID(order_id))),
        "kind": "authorized",
        "amount": AMOUNT,
        "sent_at": NOW.isoformat(),
    }
    return json.dumps({**fields, **changes}).encode()


def deliver(shop: Any, body: bytes, *, key: bytes | None = None, path: str = PATH) -> int:
    """Sign a callback, with the provider's key unless given, and deliver it."""
    secret = callback_secret(SECRET, "acme") if key is None else key
    signature = sign(secret, at=SystemClock().now(), path=PATH, body=body)
    return int(shop.call_back(path, body, {SIGNATURE_HEADER: signature}))


def test_a_forged_callback_moves_no_money(shop: Any) -> None:
    """Anybody who knows the address could pay any order."""
    order_id = waiting_for_money(shop)
    before = shop.service.types()

    assert deliver(shop, news(order_id), key=b"guessed" * 5) == 401
    assert deliver(shop, news(order_id), key=callback_secret(SECRET, "globex")) == 401
    assert shop.call_back(PATH, news(order_id), {}) == 401
    other = PATH.replace("acme", "globex")
    assert deliver(shop, news(order_id), path=other) == 401
    assert shop.service.types() == before


def test_a_repeated_callback_counts_once(shop: Any) -> None:
    """A provider that is unsure whether it was heard would pay the order twice."""
    order_id = waiting_for_money(shop)
    captured = {"kind": "captured"}
    repeated = [news(order_id, **captured), news(order_id, **captured)]
    again = news(order_id, **captured, reason="repeated")

    assert [deliver(shop, body) for body in [*repeated, again]] == [200, 200, 200]
    assert len(shop.service.happened("payment_captured")) == 1
    shop.settle()
    assert shop.show(order_id)["status"] == "confirmed"


def test_callbacks_in_the_wrong_order_lead_to_the_same_order(shop: Any) -> None:
    """News that overtakes other news would lose the payment."""
    order_id = waiting_for_money(shop)

    assert deliver(shop, news(order_id, callback_id="2", kind="captured")) == 200
    assert deliver(shop, news(order_id, callback_id="1", kind="authorized")) == 200
    shop.settle()

    assert shop.show(order_id)["status"] == "confirmed"
    assert shop.money()["captured"] == 149000


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"amount": {"amount": 1, "currency": "TWD"}}, 422, "amount_differs"),
        ({"payment_id": str(UUID(int=7))}, 404, "payment_unknown"),
        ({"kind": "refunded"}, 404, "refund_unknown"),
        ({"kind": "stolen"}, 400, "invalid"),
    ],
)
def test_news_that_cannot_be_is_refused(
    shop: Any, changes: dict[str, Any], status: int, code: str
) -> None:
    """A mistake of the provider would become our money."""
    order_id = waiting_for_money(shop)
    before = shop.service.types()

    answer = deliver(shop, news(order_id, **changes))
    assert (answer, shop.refused_with) == (status, code)
    assert shop.service.types() == before


def test_the_simulator_answers_over_a_socket_and_remembers(tmp_path: Path) -> None:
    """The demo's provider would not answer, or forget what it was asked when it is restarted."""
    heard, told = [], Event()

    def listen(url: str, body: bytes, headers: Any) -> int:
        heard.append((url, json.loads(body)["kind"], headers["X-Correlation-Id"]))
        told.set()
        return 200

    journal, clock = tmp_path / "journal", FixedClock(NOW)
    asked = Asked(
        key=new_id(),
        path=f"/payments/{UUID(int=1)}/authorise",
        body={"amount": AMOUNT, "method": "tok_late", "expires_at": NOW.isoformat()},
        correlation_id=UUID(int=5),
    )
    server = PartnerServer(
        ProviderSimulator(secret=SECRET, clock=clock, send=listen, journal=journal)
    )
    server.start()
    with httpx.Client(base_url=server.url) as client:
        provider = PaymentProvider(client, callbacks="http://commerce.test")
        provider.ask("acme", asked)
        provider.ask("acme", asked)
        unknown = Asked(
            **{name: getattr(asked, name) for name in ("key", "body", "correlation_id")}, path="/x"
        )
        with pytest.raises(ProviderRefused):
            provider.ask("acme", unknown)
    server.stop()
    assert heard == []

    clock.set(NOW.replace(year=NOW.year + 1))
    again = ProviderSimulator(secret=SECRET, clock=clock, send=listen, journal=journal)
    server = PartnerServer(again)
    server.start()
    assert told.wait(DEADLINE_SECONDS)
    server.stop()
    assert heard == [(f"http://commerce.test{PATH}", "authorized", str(UUID(int=5)))]
    assert ProviderSimulator(secret=SECRET, clock=clock, send=listen, journal=journal).untold == 0


def test_a_provider_that_is_down_is_asked_again() -> None:
    """An order would be stuck because the provider was restarted."""
    asked = Asked(key=new_id(), path="/payments/1/void", body={}, correlation_id=UUID(int=5))

    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    for answer in (down, lambda _: httpx.Response(503), lambda _: httpx.Response(429)):
        client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://p.test")
        with pytest.raises(Unavailable):
            PaymentProvider(client, callbacks="http://c.test").ask("acme", asked)
