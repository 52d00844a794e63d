"""From a fan over a phone to a member (S2), and every way in which that stops halfway."""

from dataclasses import replace
from typing import Any

import pytest

from chassis import faults
from identity.examples import CLAIMED, CONTESTED, GRANTED, VERIFIED, WITHDRAWN
from identity.joining import Joining, react

WHOLE_WAY = [
    "account_observed",
    "brand_followed",
    "person_registered",
    "phone_claimed",
    "verification_started",
    "phone_verified",
    "account_linked",
    "consent_granted",
    "member_enrolled",
]


def after(*triggers: Any) -> Joining:
    """Return what the process knows after some events."""
    state = Joining()
    for trigger in triggers:
        state = react(state, trigger).state
    return state


def steps(state: Joining, trigger: Any) -> list[str]:
    """Return what the process does about one event."""
    return [step.name for step in react(state, trigger).steps]


def test_a_claim_alone_leads_to_nothing() -> None:
    """Typing somebody's number in would link their handle."""
    assert steps(Joining(), CLAIMED) == []


def test_a_proven_number_links_the_handle_of_its_form() -> None:
    """A verified fan would stay a stranger."""
    assert steps(after(CLAIMED), VERIFIED) == ["link"]


def test_phone_and_consent_enrol_in_either_order() -> None:
    """Only those who agree last would become members."""
    assert steps(after(CLAIMED, VERIFIED), GRANTED) == ["enrol"]
    assert steps(after(CLAIMED, GRANTED), VERIFIED) == ["link", "enrol"]


def test_consent_to_something_else_enrols_nobody() -> None:
    """Who allows cookies would be made a member."""
    assert steps(after(CLAIMED, VERIFIED), replace(GRANTED, purpose="analytics")) == []


def test_a_number_without_programme_enrols_nobody() -> None:
    """A shopper would become a member of something they never saw."""
    claim = replace(CLAIMED, programme=None)

    assert steps(after(claim, VERIFIED), GRANTED) == []


def test_refused_consent_withdraws_the_link() -> None:
    """Who says no would stay recognised all the same."""
    assert steps(after(CLAIMED, VERIFIED), WITHDRAWN) == ["unlink"]
    assert steps(after(CLAIMED, VERIFIED, GRANTED), WITHDRAWN) == []


def test_a_contested_number_joins_two_records() -> None:
    """A fan on two platforms would stay two people."""
    claim = replace(CLAIMED, person_id=CONTESTED.challenger)

    assert steps(after(claim), CONTESTED) == ["link", "join"]
    assert after(claim, CONTESTED).proven is not None


@pytest.mark.requirement("C1")
def test_a_fan_becomes_a_member_by_phone_and_consent_only(world: Any) -> None:
    """Fans and members would be one heap, or a fan would be a member without having agreed."""
    account = world.follow("42")
    claimed = world.claim(account_id=account, programme="readers", campaign_id="spring")
    phone, person = claimed["phone_id"], claimed["person_id"]
    enrol = f"/v1/persons/{person}/memberships"
    fan = world.service.call("POST", enrol, {"programme": "readers"})
    world.confirm(phone, world.ask_for_code(phone))
    known = world.service.call("POST", enrol, {"programme": "readers"})
    fans_only = world.service.get("/v1/funnel")

    world.agree(person)

    assert (fan.json["code"], fan.json["requirement"]) == ("phone_not_verified", "C1")
    assert (known.json["code"], known.json["requirement"]) == ("consent_missing", "C1")
    assert (fans_only["fans"], fans_only["members"]) == (1, 0)
    assert world.service.types()[1:] == WHOLE_WAY
    enrolled = world.service.happened("member_enrolled")[0].event
    assert (str(enrolled.from_account), enrolled.campaign_id) == (account, "spring")
    assert world.service.get("/v1/funnel") == {
        "fans": 1,
        "known": 1,
        "verified": 1,
        "consented": 1,
        "members": 1,
    }


def test_who_refuses_stays_a_fan(world: Any) -> None:
    """A refusal would leave the handle linked to the number."""
    account = world.follow("42")
    person = world.prove(account_id=account, programme="readers")["person_id"]

    no = {"purpose": "marketing", "channel": "sms"}
    world.service.post(f"/v1/persons/{person}/consents/withdrawals", no)
    world.service.settle()

    assert world.service.happened("account_unlinked")[0].event.reason == "consent_refused"
    assert world.person(person)["handles"] == []
    assert world.service.get("/v1/funnel")["fans"] == 1
    assert "member_enrolled" not in world.service.types()


class Crash(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("nth", range(1, 5))
@pytest.mark.parametrize("point", ["joining.before_commit", "joining.committed"])
def test_a_crash_after_any_step_changes_nothing_in_the_end(
    world: Any, point: str, nth: int
) -> None:
    """Somebody whose service died at the wrong moment would be half a member for ever."""
    account = world.follow("42")
    claimed = world.claim(account_id=account, programme="readers")
    visits = []

    def crash(reached: str) -> None:
        visits.extend([reached] * (reached == point))
        if len(visits) == nth and reached == point:
            raise Crash

    faults.set_hook(crash)
    try:
        world.service.settle()
        world.confirm(claimed["phone_id"], world.ask_for_code(claimed["phone_id"]))
        world.agree(claimed["person_id"])
    except Crash:
        faults.set_hook(None)
        _finish(world, claimed)
    finally:
        faults.set_hook(None)

    assert sorted(world.service.types()[1:]) == sorted(WHOLE_WAY)


def _finish(world: Any, claimed: Any) -> None:
    world.service.settle()
    done = set(world.service.types())
    if "phone_verified" not in done:
        world.confirm(claimed["phone_id"], world.ask_for_code(claimed["phone_id"]))
    if "consent_granted" not in done:
        world.agree(claimed["person_id"])
    world.service.settle()
