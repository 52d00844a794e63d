"""The one-time code reaches a phone through a real operator's server, once and nowhere else."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.testing.harness import Harness
from identity import sms
from identity.bootstrap import BLUEPRINT

TO = "+8613800138000"


@pytest.fixture
def service(tmp_path: Path, operator: httpx.Client) -> Harness:
    """Return a service whose codes go to the operator."""
    assert operator.get("/messages").json() == []
    return Harness(BLUEPRINT, tmp_path)


def started(service: Harness) -> str:
    """Ask for a code; returns the phone's path."""
    claimed = service.post("/v1/phones/claims", {"number": TO})
    path = f"/v1/phones/{claimed['phone_id']}"
    service.post(f"{path}/verifications", {})
    service.settle()
    return path


def test_the_code_on_the_phone_verifies_it(service: Harness, operator: httpx.Client) -> None:
    """Nobody could verify a number, because no message comes or its code is wrong."""
    path = started(service)

    messages = operator.get("/messages", params={"to": TO}).json()
    code = re.findall(r"\d{6}", messages[0]["text"])[0]
    confirmed = service.post(f"{path}/confirmations", {"code": code})

    assert len(messages) == 1
    assert confirmed["code"] == "verified"


def test_a_message_that_is_handed_over_again_arrives_once(
    service: Harness, operator: httpx.Client
) -> None:
    """A crash between sending and noting it would send two messages."""
    started(service)
    sent = service.happened("verification_started")[0].envelope

    sms.calls(service.storage)["verification_started"](sent)

    assert len(operator.get("/messages").json()) == 1


def test_an_operator_that_is_down_is_tried_again(
    service: Harness, operator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code would be lost whenever the operator restarts."""
    url = str(operator.base_url)
    monkeypatch.setenv(sms.SETTING, "http://127.0.0.1:9")
    waiting = Harness(BLUEPRINT, _folder(service), now=service.clock.now())
    started(waiting)
    parked = waiting.rows("SELECT subscription, error FROM parked")

    monkeypatch.setenv(sms.SETTING, url)
    recovered = sms.calls(waiting.storage)["verification_started"]
    recovered(waiting.happened("verification_started")[0].envelope)

    assert [row["subscription"] for row in parked] == ["sms"]
    assert TO not in str(waiting.rows("SELECT * FROM parked"))
    assert len(operator.get("/messages", params={"to": TO}).json()) == 1


def test_nothing_is_sent_to_the_forgotten(service: Harness, operator: httpx.Client) -> None:
    """Somebody who was just forgotten would get a message."""
    claimed = service.post("/v1/phones/claims", {"number": TO})
    service.settle()
    service.post(f"/v1/phones/{claimed['phone_id']}/verifications", {})
    service.storage.keys.destroy("acme", claimed["person_id"])

    service.settle()

    assert operator.get("/messages").json() == []
    assert service.rows("SELECT * FROM parked") == []


def test_without_an_operator_the_call_waits(world: Any) -> None:
    """A missing setting would lose codes silently."""
    phone = world.claim()["phone_id"]
    world.ask_for_code(phone)
    world.service.settle()

    parked = world.service.rows("SELECT error FROM parked")

    assert [row["error"] for row in parked] == ["Unavailable: SMS_GATEWAY_URL is not set"]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"to": "1"}', b'{"to": 1, "text": "x"}'])
def test_the_operator_refuses_what_is_no_message(operator: httpx.Client, body: bytes) -> None:
    """A broken gateway would look like a working one."""
    headers = {"Content-Type": "application/json"}

    assert operator.post("/messages", content=body, headers=headers).status_code == 400
    assert operator.get("/nothing").status_code == 404
    assert operator.delete("/messages").status_code == 405
    assert operator.get("/messages").json() == []


def _folder(service: Harness) -> Path:
    path = Path(service.storage.database.url.removeprefix("sqlite:///")).parent / "second"
    path.mkdir()
    return path
