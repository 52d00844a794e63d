"""Who is one person and who is two, over HTTP: by phone, by a reviewer, and back again."""

from datetime import timedelta
from typing import Any

import pytest

SECOND, THIRD = "139 1234 5678", "137 0000 1111"


def two_on_one_phone(world: Any) -> tuple[str, str]:
    """Let two handles on two platforms prove to hold one number; returns their persons."""
    first = world.prove(account_id=world.follow("42", name="小林"))
    second = world.prove(account_id=world.follow("lin", platform="wechat", name="Lin"))
    return first["person_id"], second["person_id"]


def stranger_with_phone(world: Any) -> tuple[str, str, str]:
    """Let somebody with a phone of their own prove to hold another one's too."""
    holder = world.prove()
    other = world.prove(SECOND)["person_id"]
    world.prove(person_id=other)
    return holder["person_id"], other, holder["phone_id"]


@pytest.mark.requirement("K5")
def test_one_person_shows_every_handle_with_its_evidence(world: Any) -> None:
    """A fan on several messengers would look like several people, or like one without a reason."""
    older, younger = two_on_one_phone(world)
    line = world.follow("lin.line", platform="line")
    declared = {"account_id": line, "evidence": {"kind": "declared", "score": 0.5}}
    world.service.call("POST", f"/v1/persons/{older}/accounts", declared)

    shown = world.person(younger)

    assert shown["person_id"] == older
    handles = {
        (handle["platform"], handle["platform_user_id"], handle["evidence"]["kind"])
        for handle in shown["handles"]
    }
    assert handles == {
        ("weibo", "42", "otp"),
        ("wechat", "lin", "otp"),
        ("line", "lin.line", "declared"),
    }
    assert {handle["rule"] for handle in shown["handles"]} == {"phone_code", "declared"}


def test_the_older_record_survives_whoever_came_last(world: Any) -> None:
    """The same merge would end differently from one replay to the next."""
    older = world.service.post("/v1/persons", {"origin": "shop"})["person_id"]
    younger = world.service.post("/v1/persons", {"origin": "form"})["person_id"]
    world.prove(person_id=younger)
    world.prove(person_id=older)

    merged = world.service.happened("persons_merged")[0].event

    assert (str(merged.survivor), str(merged.absorbed)) == (older, younger)
    assert (merged.rule, merged.approver) == ("same_phone", None)


def test_after_a_merge_the_number_is_usable_again(world: Any) -> None:
    """A person's own phone would stay frozen because they used it on two platforms."""
    older, _ = two_on_one_phone(world)

    phones = world.person(older)["phones"]

    assert [(phone["level"], phone["contested"]) for phone in phones] == [("code", False)]


def test_a_second_phone_stops_the_merge_and_asks_a_reviewer(world: Any) -> None:
    """Two strangers would read each other's orders."""
    holder, other, phone = stranger_with_phone(world)

    assert "persons_merged" not in world.service.types()
    waiting = world.service.get("/v1/persons/merges")
    assert [(pair["a"], pair["b"]) for pair in waiting] == [(holder, other)]
    assert waiting[0]["features"] == ["same_phone", "different_verified_phones"]
    assert world.person(holder)["phones"][0]["contested"]
    frozen = world.service.call("POST", f"/v1/phones/{phone}/verifications", {})
    assert frozen.json["code"] == "phone_frozen"


def test_a_reviewer_joins_them(world: Any) -> None:
    """Somebody with two phones would stay two people."""
    holder, other, _ = stranger_with_phone(world)
    proposal = world.service.get("/v1/persons/merges")[0]["proposal_id"]
    decide = {"a": other, "b": holder, "proposal_id": proposal}
    writer = world.service.call("POST", "/v1/persons/merges", decide, scopes=["identity.write"])

    joined = world.service.post("/v1/persons/merges", decide)
    world.service.settle()

    assert writer.json["code"] == "missing_scope"
    assert (joined["merged"], joined["survivor"]) == (True, holder)
    assert world.service.happened("persons_merged")[0].event.approver == "user:tester"
    told = [stored.event for stored in world.service.happened("audit_recorded")]
    merges = [entry.outcome for entry in told if entry.action == "person.merge"]
    assert merges == ["refused", "done"]
    assert world.service.get("/v1/persons/merges") == []
    assert {phone["contested"] for phone in world.person(holder)["phones"]} == {False}


def test_a_reviewer_keeps_them_apart(world: Any) -> None:
    """The new owner of a re-issued number would never get it, or get the old one's past."""
    holder, other, phone = stranger_with_phone(world)

    world.service.call("POST", f"/v1/phones/{phone}/reassignments")
    world.service.settle()

    assert world.person(holder)["phones"] == []
    assert len(world.person(other)["phones"]) == 2
    assert world.service.get("/v1/persons/merges") == []
    released, reassigned = world.service.happened("phone_released", "phone_reassigned")
    assert released.event.reason == "recycled"
    assert str(reassigned.event.to_person) == other


def test_a_lapsed_number_goes_to_its_new_owner_and_the_past_stays(world: Any) -> None:
    """The new owner of a number would be shown the old owner's handles."""
    old = world.prove(account_id=world.follow("42"))["person_id"]
    world.service.advance_to(world.service.clock.now() + timedelta(days=90))
    new = world.prove(account_id=world.follow("99"))["person_id"]

    assert "persons_merged" not in world.service.types()
    assert [handle["platform_user_id"] for handle in world.person(old)["handles"]] == ["42"]
    assert [handle["platform_user_id"] for handle in world.person(new)["handles"]] == ["99"]
    assert world.person(old)["phones"] == []


def test_a_split_restores_both_exactly(world: Any) -> None:
    """A wrong merge would leave traces in both persons."""
    a = world.prove(account_id=world.follow("42"))["person_id"]
    handle = {"account_id": world.follow("lin", platform="wechat"), "origin": "shop"}
    b = world.service.post("/v1/persons", {**handle, "email": "lin@example.org"})["person_id"]
    before = world.person(a), world.person(b)
    joined = world.service.post("/v1/persons/merges", {"a": b, "b": a})
    together = world.person(a)

    freed = world.service.post(f"/v1/persons/{b}/splits", {"link_id": joined["link_id"]})

    assert len(together["handles"]) == 2
    assert [link["absorbed"] for link in together["merges"]] == [b]
    assert freed["person_id"] == b
    assert (world.person(a), world.person(b)) == before


def test_a_handle_of_somebody_else_is_a_question_not_a_theft(world: Any) -> None:
    """Whoever enters another one's handle in a form would get it."""
    account = world.follow("42")
    owner = world.prove(account_id=account)["person_id"]
    thief = world.service.post("/v1/persons", {"origin": "form"})["person_id"]
    world.prove(SECOND, person_id=thief, account_id=account)

    assert len(world.person(owner)["handles"]) == 1
    assert world.person(thief)["handles"] == []
    proposed = world.service.happened("merge_proposed")[0].event
    assert proposed.features == ["same_account", "phone_code"]


@pytest.mark.requirement("C7")
def test_the_phone_in_e164_decides_wherever_there_is_one(world: Any) -> None:
    """Somebody's e-mail typed by another would lead to the wrong person."""
    by_phone = world.prove("13800138000")["person_id"]
    by_mail = world.service.post("/v1/persons", {"origin": "form", "email": "lin@example.org"})
    match = "/v1/persons/matches"

    both = world.service.post(match, {"number": "+86 138-0013-8000", "email": "Lin@example.org"})
    mail = world.service.post(match, {"email": "Lin@example.org"})
    unknown = world.service.post(match, {"number": THIRD, "email": "lin@example.org"})
    nobody = world.service.post(match, {"number": THIRD, "email": "who@example.org"})

    assert world.person(by_phone)["phones"][0]["e164"] == "+8613800138000"
    assert both == {"person_id": by_phone, "by": "phone"}
    assert mail == unknown == {"person_id": by_mail["person_id"], "by": "email"}
    assert nobody == {"person_id": None, "by": None}
    again = world.prove("0086 138 0013 8000", account_id=world.follow("7"))["person_id"]
    assert world.person(again)["person_id"] == by_phone


@pytest.mark.requirement("C8")
def test_several_addresses_never_merge_and_come_last(world: Any) -> None:
    """A family's shared mailbox would become one person, and mail would be the first choice."""
    one = world.prove(account_id=world.follow("lin", platform="wechat"))["person_id"]
    for address in ("lin@example.org", "lin@example.com", "Lin@Example.org"):
        world.service.call("POST", f"/v1/persons/{one}/emails", {"address": address})
    two = world.service.post("/v1/persons", {"origin": "form", "email": "LIN@example.org"})
    world.service.settle()

    shown = world.person(one)

    assert {mail["address"] for mail in shown["emails"]} == {"lin@example.org", "lin@example.com"}
    assert "persons_merged" not in world.service.types()
    assert world.person(two["person_id"])["person_id"] == two["person_id"]
    assert world.service.get("/v1/persons/merges")[0]["features"] == ["same_email"]
    kinds = [way.partition(":")[0] for way in shown["deliver_by"]]
    assert kinds == ["phone", "account", "email", "email"]


def test_an_address_of_the_forgotten_can_be_named_again(world: Any) -> None:
    """A shared mailbox would be closed to everybody once one of its owners is forgotten."""
    gone = world.service.post("/v1/persons", {"origin": "form", "email": "lin@example.org"})
    world.service.post("/v1/persons", {"origin": "form", "email": "lin@example.org"})
    world.service.post(f"/v1/persons/{gone['person_id']}/erasure")
    world.service.settle()

    later = world.service.post("/v1/persons", {"origin": "form", "email": "lin@example.org"})

    assert len(world.person(later["person_id"])["emails"]) == 1


def test_a_pair_that_was_split_can_be_proposed_again(world: Any) -> None:
    """A pair that was merged by mistake once could never be reviewed again."""
    holder, other, _ = stranger_with_phone(world)
    pair = {"a": holder, "b": other}
    proposal = world.service.get("/v1/persons/merges")[0]["proposal_id"]
    joined = world.service.post("/v1/persons/merges", {**pair, "proposal_id": proposal})
    world.service.post(f"/v1/persons/{holder}/splits", {"link_id": joined["link_id"]})

    again = world.service.call("POST", "/v1/persons/merges", pair)
    world.service.settle()

    assert (again.status_code, again.json["merged"]) == (202, False)
    assert [found["proposal_id"] for found in world.service.get("/v1/persons/merges")] == [proposal]


@pytest.mark.requirement("Z29")
def test_cookie_consent_is_kept_with_text_and_time(world: Any) -> None:
    """Nobody could show what a visitor agreed to, or when."""
    person = world.service.post("/v1/persons", {"origin": "site"})["person_id"]
    yes = {"purpose": "analytics", "channel": "web", "text_version": "cookies-7"}
    world.service.call("POST", f"/v1/persons/{person}/consents", yes)
    world.service.advance_to(world.service.clock.now() + timedelta(hours=1))
    no = {"purpose": "analytics", "channel": "web"}
    world.service.call("POST", f"/v1/persons/{person}/consents/withdrawals", no)
    world.service.settle()

    ledger = world.service.get(f"/v1/persons/{person}/consents")

    assert [(line["said"], line["text_version"], line["at"]) for line in ledger] == [
        ("granted", "cookies-7", "2026-05-06T02:00:00+00:00"),
        ("withdrawn", None, "2026-05-06T03:00:00+00:00"),
    ]


def test_an_order_makes_a_customer(world: Any) -> None:
    """Who has bought would be courted as a prospect."""
    person = world.service.post("/v1/persons", {"origin": "shop"})["person_id"]
    order = {"order_id": "o1", "person_id": person, "total": {"amount": 1, "currency": "CNY"}}

    world.service.receive("commerce", "order_confirmed", order)
    world.service.receive("commerce", "order_confirmed", {**order, "person_id": "visitor-7"})
    world.service.receive("commerce", "order_confirmed", {**order, "person_id": None})

    assert world.person(person)["customer"] == "existing"
    assert world.service.types().count("customer_kind_changed") == 1
