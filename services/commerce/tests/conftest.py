"""A whole shop without servers: commerce, and a payment provider, that talk in real HTTP."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from chassis.testing.contexts import NOW, SECRET
from chassis.testing.harness import Harness
from commerce.bootstrap import BLUEPRINT
from commerce.gateways import PaymentProvider, calls_to
from commerce.provider_simulator import ProviderSimulator

ORIGIN = {"platform": "weibo", "property": "page-1", "content": "c1", "touch": "t1", "mode": "page"}
PRICE = {"amount": 149000, "currency": "TWD"}
LIST = {"amount": 248000, "currency": "TWD"}
Make = Callable[[Path], "Shop"]


class Shop:
    """Commerce under test, with its provider."""

    def __init__(self, directory: Path) -> None:
        client = httpx.Client(
            transport=httpx.WSGITransport(app=self._provider_app), base_url="http://provider.test"
        )
        provider = PaymentProvider(client, callbacks="http://commerce.test")
        self.service = Harness(
            replace(
                BLUEPRINT,
                gateways={"payment_provider": lambda storage: calls_to(storage, provider)},
            ),
            directory,
        )
        self.callbacks: list[int] = []
        self.refused_with: str | None = None
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
        while self.provider.step():
            self.service.settle()

    def later(self, minutes: int) -> None:
        """Let time pass."""
        self.settle()
        self.service.clock.advance(timedelta(minutes=minutes))
        self.settle()

    def show(self, order_id: str) -> Any:
        """Return an order as its API shows it."""
        return self.service.get(f"/v1/orders/{order_id}")

    def stock(self, sku: str) -> tuple[int, int, int]:
        """Return on hand, reserved and confirmed."""
        (place,) = self.service.get(f"/v1/stock/{sku}")["locations"]
        return place["on_hand"], place["reserved"], place["confirmed"]

    def money(self) -> Any:
        """Return the reconciliation of the only currency."""
        (report,) = self.service.get("/v1/reports/money")
        return report

    def goods(self, order_id: str, verb: str, **body: Any) -> Any:
        """Tell of the goods of an order."""
        return self.service.post(f"/v1/orders/{order_id}/fulfilment/{verb}", body)

    def stuck(self, before: datetime | None = None) -> Any:
        """Return the orders that stand still since long before the end of time."""
        moment = (before or NOW + timedelta(days=365)).isoformat().replace("+00:00", "Z")
        return self.service.get(f"/v1/reports/orphans?before={moment}")

    def _provider_app(self, environ: Any, start_response: Any) -> Any:
        return self.provider.wsgi(environ, start_response)


def order_body(*lines: tuple[str, int], method: str = "tok_ok", **more: Any) -> dict[str, Any]:
    return {
        "person_id": "p1",
        "origin": ORIGIN,
        "lines": [{"sku": sku, "qty": qty} for sku, qty in lines or [("shirt", 1)]],
        "payment_method": method,
        **more,
    }


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", base64.b64encode(SECRET).decode())


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def make_shop(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Return a maker of many shops: each begins as a copy, which is faster than migrating."""
    template = tmp_path_factory.mktemp("shop")
    Shop(template).service.storage.database.close()

    def make(directory: Path) -> Shop:
        copytree(template, directory, dirs_exist_ok=True)
        return Shop(directory)

    return make


@pytest.fixture(scope="session")
def body_of() -> Callable[..., dict[str, Any]]:
    return order_body
