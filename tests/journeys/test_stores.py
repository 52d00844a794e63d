"""A buyer gives a number at a till, and proves it later: on real servers, through both services."""

import json
from base64 import b64decode
from typing import Any
from uuid import UUID, uuid4

import pytest

from identity import codes
from installation import Installation, eventually
from sixfold.shop import TENANT

pytestmark = [pytest.mark.journey, pytest.mark.servers]

NUMBER = "+886 912 345 678"
STORE = {
    "store_id": "yongkang",
    "name": "Yongkang Street",
    "address": "No. 2, Yongkang Street",
    "region": "Taipei",
    "position": {"latitude": 25.0334, "longitude": 121.5298},
    "zone": "Asia/Taipei",
}


def bought(installation: Installation, phone_id: str) -> str:
    """Tell of a receipt; return its order."""
    receipt = {
        "receipt_no": f"R-{uuid4()}",
        "lines": [{"sku": "gaiwan", "qty": 1, "price": {"amount": 88000, "currency": "TWD"}}],
        "paid_at": installation.stack.clock.now().isoformat(),
        "paid_with": "cash",
        "phone_id": phone_id,
    }
    told = installation.clients["commerce"].post(
        "/v1/stores/yongkang/purchases", receipt, key=str(uuid4())
    )
    return str(told["order_id"])


def proves(installation: Installation, phone_id: str, person_id: str) -> None:
    """Ask for a code, read it as the phone would show it, and enter it."""
    identity = installation.clients["identity"]
    asked = {"person_id": person_id}
    started = identity.post(f"/v1/phones/{phone_id}/verifications", asked, key=str(uuid4()))
    known = json.loads((installation.stack.directory / "stack.json").read_text())
    code = codes.code_of(b64decode(known["secret"]), TENANT, UUID(started["challenge_id"]))
    identity.post(f"/v1/phones/{phone_id}/confirmations", {**asked, "code": code}, key=str(uuid4()))


def orders_of(installation: Installation, person_id: str) -> list[Any]:
    found = installation.clients["commerce"].get(f"/v1/persons/{person_id}/orders")
    return [order["order_id"] for order in found["orders"]]


@pytest.mark.requirement("C13")
def test_a_purchase_in_a_store_finds_its_buyer(installation: Installation) -> None:
    """What people buy in stores would never be known, or be known by their numbers."""
    identity, commerce = installation.clients["identity"], installation.clients["commerce"]
    commerce.post("/v1/stores", STORE, key=str(uuid4()))
    claimed = identity.post("/v1/phones/claims", {"number": NUMBER}, key=str(uuid4()))
    found = identity.post("/v1/phones/look-up", {"number": NUMBER}, key=str(uuid4()))
    assert found == {"phone_id": claimed["phone_id"], "person_id": None}
    before = bought(installation, found["phone_id"])
    installation.settle()
    stores = commerce.get("/v1/stores", near="25.03,121.53")
    assert [store["store_id"] for store in stores] == ["yongkang"]
    assert orders_of(installation, claimed["person_id"]) == []

    proves(installation, claimed["phone_id"], claimed["person_id"])
    eventually(
        lambda: orders_of(installation, claimed["person_id"]) == [before], "the buyer is known"
    )
    after = bought(installation, found["phone_id"])
    installation.settle()

    assert set(orders_of(installation, claimed["person_id"])) == {before, after}
    assert all(
        NUMBER.replace(" ", "") not in bytes(event.data).decode()
        for event in installation.log("commerce")
    )
