"""A till asks how a number is known: it learns ids, and nothing is kept of the question."""

import logging
from datetime import timedelta
from typing import Any

import pytest

NUMBER = "138 0013 8000"
UNKNOWN = {"phone_id": None, "person_id": None}


def look_up(world: Any, number: str = NUMBER, **more: Any) -> Any:
    return world.service.post("/v1/phones/look-up", {"number": number}, **more)


@pytest.mark.requirement("C13", half="identity")
def test_a_till_learns_whose_a_number_is(world: Any) -> None:
    """Purchases in stores would belong to nobody, or every till would keep numbers."""
    assert look_up(world) == UNKNOWN
    claimed = world.claim()
    assert look_up(world) == {"phone_id": claimed["phone_id"], "person_id": None}
    world.prove(person_id=claimed["person_id"])

    known = {"phone_id": claimed["phone_id"], "person_id": claimed["person_id"]}
    assert look_up(world) == look_up(world, "+86-138-0013-8000") == known


def test_a_recycled_number_leads_to_its_new_owner(world: Any) -> None:
    """A stranger's purchases would be counted for whoever had the number before."""
    old = world.prove()
    world.service.clock.advance(timedelta(days=400))
    new = world.prove(account_id=world.follow("43"))
    assert new["person_id"] != old["person_id"]

    found = look_up(world)

    assert found["phone_id"] == old["phone_id"] == new["phone_id"]
    assert found["person_id"] == new["person_id"]


def test_asking_leaves_no_trace(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A shop could collect numbers of people who never agreed, or find them in a log file."""
    world.claim()
    before = (world.service.types(), world.service.rows("SELECT * FROM lookup"))
    with caplog.at_level(logging.DEBUG):
        look_up(world)
        look_up(world, "139 1234 5678")
        world.service.call("POST", "/v1/phones/look-up", {"number": "139 12"})
    assert (world.service.types(), world.service.rows("SELECT * FROM lookup")) == before
    assert all(piece not in caplog.text for piece in ("0013", "13800138000", "5678"))
    kept = world.service.rows("SELECT response FROM idempotency")
    assert all(b"13800138000" not in row["response"] for row in kept)


def test_only_a_till_may_ask(world: Any) -> None:
    """Anybody with access to the customers' list could test which numbers are known."""
    answer = world.service.call(
        "POST", "/v1/phones/look-up", {"number": NUMBER}, scopes=("identity.read",)
    )
    assert answer.status_code == 403
