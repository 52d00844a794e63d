"""identity under test: the whole service without servers, and an SMS operator that is real."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
import pytest

from chassis.testing.contexts import SECRET
from chassis.testing.harness import Harness
from identity import codes, sms, sms_simulator
from identity.bootstrap import BLUEPRINT

NUMBER = "138 0013 8000"


@dataclass(frozen=True, kw_only=True)
class World:
    """A tenant in Shanghai and what its people do."""

    service: Harness

    def follow(self, user: str, platform: str = "weibo", **more: Any) -> str:
        """Let a handle follow the brand."""
        body = {"platform": platform, "platform_user_id": user, "property_id": f"{platform}:k"}
        followed = self.service.post("/v1/follows", {**body, **more})
        return str(followed["account_id"])

    def claim(self, number: str = NUMBER, **more: Any) -> Any:
        """Enter a number."""
        return self.service.post("/v1/phones/claims", {"number": number, **more})

    def ask_for_code(self, phone: str, person: str | None = None) -> str:
        """Ask for a code and read it from the phone."""
        path = f"/v1/phones/{phone}/verifications"
        started = self.service.post(path, {"person_id": person} if person else {})
        return codes.code_of(SECRET, self.service.tenant, UUID(started["challenge_id"]))

    def confirm(self, phone: str, code: str, person: str | None = None) -> Any:
        """Enter a code; returns the whole answer."""
        body = {"code": code, **({"person_id": person} if person else {})}
        answer = self.service.call("POST", f"/v1/phones/{phone}/confirmations", body)
        self.service.settle()
        return answer

    def prove(self, number: str = NUMBER, **more: Any) -> Any:
        """Enter a number, and the code that is sent to it."""
        claimed = self.claim(number, **more)
        phone, person = claimed["phone_id"], claimed["person_id"]
        answer = self.confirm(phone, self.ask_for_code(phone, person), person)
        assert answer.status_code == 200, answer.text
        return claimed

    def agree(self, person: str, purpose: str = "marketing") -> None:
        """Agree to be reached."""
        said = {"purpose": purpose, "channel": "sms", "text_version": "2026-04"}
        self.service.post(f"/v1/persons/{person}/consents", said)
        self.service.settle()

    def person(self, person: str) -> Any:
        """Return everything that is known of somebody."""
        return self.service.get(f"/v1/persons/{person}")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a fresh service with one tenant; codes are sent nowhere."""
    monkeypatch.delenv(sms.SETTING, raising=False)
    service = Harness(BLUEPRINT, tmp_path)
    terms = {"name": "Kuaibao", "zone": "Asia/Shanghai", "currency": "CNY", "country": "CN"}
    service.post("/v1/tenants", terms)
    return World(service=service)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """Run an SMS operator on a free port; yields a client that reads its phones."""
    server = sms_simulator.serve("127.0.0.1", 0)
    thread = Thread(target=server.serve, daemon=True)
    thread.start()
    host, port = server.bind_addr
    monkeypatch.setenv(sms.SETTING, f"http://{host}:{port}")
    with httpx.Client(base_url=f"http://{host}:{port}", trust_env=False) as client:
        yield client
    server.stop()
    thread.join(timeout=10)
