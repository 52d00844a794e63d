"""A whole shop without servers: commerce, and a payment provider, that talk in real HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import httpx

from chassis.blueprint import Calls
from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import SystemClock
from chassis.envelope import Recorded
from chassis.parked_audit import retry_all
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET
from chassis.testing.harness import Harness
from commerce.bootstrap import BLUEPRINT
from commerce.fulfilment_port import FulfilmentPartner, calls_to_partner
from commerce.fulfilment_simulator import FulfilmentSimulator
from commerce.gateways import PaymentProvider, calls_to
from commerce.marketplace_simulator import MarketplaceSimulator
from commerce.money_report import sums
from commerce.projections import balance
from commerce.provider_simulator import ProviderSimulator
from commerce.settings import fulfilment_secret, marketplace_secret

ORIGIN = {"platform": "weibo", "property": "page-1", "content": "c1", "touch": "t1", "mode": "page"}
QZONE = {"platform": "qzone", "property": "page-2", "mode": "page"}
PRICE = {"amount": 149000, "currency": "TWD"}
LIST = {"amount": 248000, "currency": "TWD"}
PARTNER = "/v1/tenants/acme/fulfilment/callbacks"
MESSAGES = "/v1/tenants/acme/marketplaces/taobao/messages"
Make = Callable[[Path], "Shop"]


class Shop:
    """Commerce under test, with its provider."""

    def __init__(self, directory: Path, database_url: str | None = None) -> None:
        client = httpx.Client(
            transport=httpx.WSGITransport(app=self._provider_app), base_url="http://provider.test"
        )
        provider = PaymentProvider(client, callbacks="http://commerce.test")
        self.service = Harness(
            replace(
                BLUEPRINT,
                gateways={
                    "payment_provider": lambda storage: calls_to(storage, provider),
                    "fulfilment_partner": self._calls_to_partner,
                },
            ),
            directory,
            database_url=database_url,
        )
        self.callbacks: list[int] = []
        self.partner: FulfilmentSimulator | None = None
        self.refused_with: str | None = None
        self._said = 0
        self.provider = ProviderSimulator(
            secret=SECRET, clock=self.service.clock, send=self.call_back
        )

    def call_back(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Deliver a callback to commerce."""
        answer = self.service.client.post(
            urlsplit(url).path, data=body, headers=dict(headers), content_type="application/json"
        )
        self.callbacks.append(answer.status_code)
        self.refused_with = (answer.get_json() or {}).get("code")
        return answer.status_code

    def stocked(self, *, per_person: int | None = None, **stock: int) -> "Shop":
        """List products and take deliveries of them."""
        for sku, qty in stock.items():
            body = {"sku": sku, "title": sku, "list": LIST, "sale": PRICE, "per_person": per_person}
            self.service.post("/v1/products", body)
            if qty:
                self.service.post("/v1/stock/receipts", {"sku": sku, "qty": qty})
        return self

    def order(
        self, *lines: tuple[str, int], method: str = "tok_ok", key: str | None = None, **more: Any
    ) -> str:
        """Place an order and return its id."""
        body = order_body(*lines, method=method, **more)
        return str(self.service.post("/v1/orders", body, key=key)["order_id"])

    def settle(self) -> None:
        """Let commerce and its provider talk until both have said everything."""
        self.service.settle()
        while self.provider.step() + (self.partner.step() if self.partner else 0):
            self.service.settle()

    def later(self, minutes: int) -> None:
        """Let time pass, also for who was not answered and asks again."""
        self.settle()
        self.service.clock.advance(timedelta(minutes=minutes))
        self.settle()
        if self.ask_again():
            self.settle()

    def ask_again(self) -> int:
        """Let who was not answered ask again at the next step; return how many will."""
        with self.service.storage.system.begin() as db:
            return retry_all(db, error="", now=SystemClock().now())

    def show(self, order_id: str) -> Any:
        """Return an order as its API shows it."""
        return self.service.get(f"/v1/orders/{order_id}")

    def stock(self, sku: str) -> tuple[int, int, int]:
        """Return on hand, reserved and confirmed."""
        there = self.service.get(f"/v1/stock/{sku}")["locations"]
        (place,) = [place for place in there if not place["location"].startswith("drop-")]
        return place["on_hand"], place["reserved"], place["confirmed"]

    def money(self) -> Any:
        """Return the reconciliation of the only currency."""
        (report,) = self.service.get("/v1/reports/money")
        return report

    def money_adds_up_at_every_position(self) -> None:
        """Assert that at no position of the log money is unaccounted for."""
        rows: dict[Any, Any] = {}
        for entry in self.service.happened():
            for change in balance.changes([(entry.event, entry.envelope)]):
                rows[change.where["order_id"]] = change.fold(rows.get(change.where["order_id"]))
            for counts in sums(rows.values()).values():
                elsewhere = sum(counts[name] for name in counts if name != "captured")
                assert counts["captured"] == elsewhere, (entry.envelope.position, counts)

    def goods(self, order_id: str, verb: str, **body: Any) -> Any:
        """Tell of the goods of an order."""
        return self.service.post(f"/v1/orders/{order_id}/fulfilment/{verb}", body)

    def partner_says(self, order_id: str, kind: str, **more: Any) -> int:
        """Let the fulfilment partner tell something; return the status it is answered with."""
        self._said += 1
        news = {"callback_id": str(self._said), "sent_at": written(NOW), **more}
        raw = json.dumps({**news, "order_id": order_id, "kind": kind}).encode()
        key = fulfilment_secret(SECRET, "acme")
        signature = sign(key, at=SystemClock().now(), path=PARTNER, body=raw)
        return self.call_back(PARTNER, raw, {SIGNATURE_HEADER: signature})

    def stuck(self, before: datetime | None = None) -> Any:
        """Return the orders that stand still since long before the end of time."""
        moment = written(before or NOW + timedelta(days=365))
        return self.service.get(f"/v1/reports/orphans?before={moment}")

    def with_partner(self, **how: Any) -> FulfilmentSimulator:
        """Let a fulfilment partner do the warehouse's work; returns the partner."""
        self.partner = FulfilmentSimulator(
            secret=SECRET, clock=self.service.clock, send=self.call_back, **how
        )
        return self.partner

    def _calls_to_partner(self, storage: Storage) -> Calls:
        """Ask whoever is the partner then; nobody while there is none."""
        client = httpx.Client(
            transport=httpx.WSGITransport(app=self._partner_app), base_url="http://partner.test"
        )
        calls = calls_to_partner(
            storage, FulfilmentPartner(client, callbacks="http://commerce.test")
        )

        def ask(recorded: Recorded) -> None:
            if self.partner is not None:
                calls[recorded.type](recorded)

        return dict.fromkeys(calls, ask)

    def _partner_app(self, environ: Any, start_response: Any) -> Any:
        assert self.partner is not None
        return self.partner.wsgi(environ, start_response)

    def _provider_app(self, environ: Any, start_response: Any) -> Any:
        return self.provider.wsgi(environ, start_response)


class Market:
    """A marketplace before a shop."""

    def __init__(self, shop: Any, chance: Random | None = None) -> None:
        self.shop = shop
        self.statuses: list[int] = []
        self.simulator = MarketplaceSimulator(
            secret=SECRET, clock=shop.service.clock, send=self.send, chance=chance
        )

    def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        answer = self.shop.service.client.post(
            path, data=body, headers=dict(headers), content_type="application/json"
        )
        self.statuses.append(answer.status_code)
        return int(answer.status_code)

    def settle(self) -> None:
        """Let the marketplace and the shop talk until nothing changes."""
        self.shop.settle()
        while self.simulator.step():
            self.shop.settle()
        self.shop.settle()

    def insist(self, rounds: int = 200) -> None:
        """Let the marketplace repeat itself until everything was taken."""
        for _ in range(rounds):
            self.simulator.step()
            self.shop.settle()
            if not self.simulator.untold:
                return
        raise AssertionError(self.simulator.untold)

    def order(self, tid: str = "2580001") -> Any:
        """Return the one order of a trade."""
        placed = [
            entry.event
            for entry in self.shop.service.happened("order_placed")
            if entry.event.external_ref == tid
        ]
        assert len(placed) == 1
        return self.shop.show(str(placed[0].order_id))

    def refused(self) -> Any:
        return self.shop.service.get("/v1/marketplaces/messages/refused")

    def money(self) -> Any:
        """Return the money, which has to add up at every moment."""
        money = self.shop.money()
        assert money["difference"] == 0
        return money

    def deliver(self, body: bytes, *, key: bytes | None = None, path: str = MESSAGES) -> int:
        """Sign a message, with the marketplace's key unless given, and deliver it."""
        secret = marketplace_secret(SECRET, "acme") if key is None else key
        signature = sign(secret, at=SystemClock().now(), path=path, body=body)
        return self.send(path, body, {SIGNATURE_HEADER: signature})


def settled(market: Market, *, paid: int) -> None:
    """Assert that nothing is open: no money in flight, no message, no order that stands still."""
    money = market.money()
    assert (money["refunding"], money["unconfirmed"], money["to_refund"]) == (0, 0, 0)
    assert money["captured"] - money["refunded"] == money["paid_orders"] == paid
    assert market.shop.stuck() == []
    assert market.refused() == []
    market.shop.money_adds_up_at_every_position()
    assert market.shop.provider.untold == 0


def order_body(*lines: tuple[str, int], method: str = "tok_ok", **more: Any) -> dict[str, Any]:
    return {
        "person_id": "p1",
        "origin": ORIGIN,
        "lines": [{"sku": sku, "qty": qty} for sku, qty in lines or [("shirt", 1)]],
        "payment_method": method,
        **more,
    }


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
