"""Verification over HTTP: what a caller sees of tries, limits and numbers that do not exist."""

from datetime import timedelta
from typing import Any

import pytest


def wrong(code: str) -> str:
    """Return a code that is not the right one."""
    return str((int(code) + 1) % 1_000_000).zfill(6)


def test_a_wrong_code_is_counted_although_it_is_refused(world: Any) -> None:
    """A refusal that undoes its own count would allow a million tries."""
    phone = world.claim()["phone_id"]
    code = world.ask_for_code(phone)

    answers = [world.confirm(phone, wrong(code)) for _ in range(5)]
    locked = world.confirm(phone, code)

    assert [answer.status_code for answer in answers] == [409] * 5
    assert [answer.json["attempts_left"] for answer in answers] == [4, 3, 2, 1, 0]
    assert locked.json["code"] == "too_many_tries"
    assert "phone_verified" not in world.service.types()


def test_a_late_code_links_nothing(world: Any) -> None:
    """An expired code would still make somebody known."""
    account = world.follow("42")
    claimed = world.claim(account_id=account)
    code = world.ask_for_code(claimed["phone_id"])

    world.service.advance_to(world.service.clock.now() + timedelta(minutes=5))
    late = world.confirm(claimed["phone_id"], code)

    assert late.json["code"] == "code_expired"
    assert world.person(claimed["person_id"])["handles"] == []
    again = world.ask_for_code(claimed["phone_id"])
    assert world.confirm(claimed["phone_id"], again).json["code"] == "verified"


def test_a_fourth_code_has_to_wait(world: Any) -> None:
    """Somebody's phone could be flooded with messages."""
    phone = world.claim()["phone_id"]
    for _ in range(3):
        world.ask_for_code(phone)

    fourth = world.service.call("POST", f"/v1/phones/{phone}/verifications", {})

    assert fourth.status_code == 429
    assert fourth.headers["Retry-After"] == "3600"


@pytest.mark.parametrize("number", ["123", "+86 999", "nonsense", "+1 555 0100"])
def test_a_number_that_no_operator_has_is_refused(world: Any, number: str) -> None:
    """Codes would be sent into the void, and the number repeated in an error message."""
    before = world.service.types()

    answer = world.service.call("POST", "/v1/phones/claims", {"number": number})

    assert answer.status_code == 422
    assert answer.json["code"] == "number_invalid"
    assert number not in answer.text
    assert world.service.types() == before


def test_one_number_is_one_phone_however_it_is_written(world: Any) -> None:
    """The same number would be two phones, and its owner two people."""
    phones = {
        world.claim(number)["phone_id"]
        for number in ("13800138000", "138-0013-8000", "+86 138 0013 8000", "0086 13800138000")
    }

    assert len(phones) == 1


def test_the_number_says_where_its_owner_is(world: Any) -> None:
    """Messages would arrive at night."""
    claimed = world.claim("9123 4567", region="HK")

    assert (claimed["region"], claimed["zone"]) == ("HK", "Asia/Hong_Kong")


def test_the_code_is_nowhere_in_the_log(world: Any) -> None:
    """Who can read the log could verify any phone."""
    phone = world.claim()["phone_id"]
    code = world.ask_for_code(phone)
    world.confirm(phone, code)

    recorded = b"".join(entry.envelope.data for entry in world.service.happened())

    assert code.encode() not in recorded


def test_another_tenant_cannot_confirm(world: Any) -> None:
    """One company could verify numbers of another one's people."""
    phone = world.claim()["phone_id"]
    code = world.ask_for_code(phone)
    path = f"/v1/phones/{phone}/confirmations"

    answer = world.service.call("POST", path, {"code": code}, tenant="other")

    assert answer.json["code"] == "no_open_verification"
    assert world.confirm(phone, code).json["code"] == "verified"


def test_a_repeated_request_is_one_try(world: Any) -> None:
    """A flaky connection would use somebody's tries up."""
    phone = world.claim()["phone_id"]
    code = wrong(world.ask_for_code(phone))
    path = f"/v1/phones/{phone}/confirmations"

    first = world.service.call("POST", path, {"code": code}, key="try-1")
    second = world.service.call("POST", path, {"code": code}, key="try-1")

    assert first.json == second.json
    assert world.service.types().count("verification_failed") == 1
