"""What listening knows of an author from other services, and how it forgets."""

from typing import Any

import pytest

from listening.examples import BRAND

PERSON, OLDER = "person-1", "person-0"
REQUEST = "0192f5d0-0000-7000-8000-0000000000ff"


def author_of(desk: Any) -> str:
    """Return the id of the handle that the desk's posts come from."""
    desk.case(f"{BRAND} 你好", post="first")
    return str(desk.happened("mention_detected")[0].event.author_account)


def introduce(desk: Any, account: str) -> None:
    linked = {"account_id": account, "person_id": PERSON}
    member = {"member_id": "m1", "person_id": PERSON, "programme": "club"}
    desk.receive("identity", "account_linked", linked)
    desk.receive("identity", "member_enrolled", member)
    for order in ("o1", "o2"):
        desk.receive("commerce", "order_confirmed", {"order_id": order, "person_id": PERSON})


@pytest.mark.requirement("X24")
def test_a_known_person_is_recognised_when_the_case_opens(desk: Any) -> None:
    """An agent would greet a loyal member as a stranger."""
    introduce(desk, author_of(desk))
    case = desk.case(f"{BRAND} 再问一下", post="second")

    (row,) = [row for row in desk.get("/v1/cases")["cases"] if row["case_id"] == case]
    expected = {"person_id": PERSON, "programmes": ["club"], "orders": 2, "open_cases": 1}
    assert row["author"] == expected
    desk.receive("commerce", "order_confirmed", {"order_id": "o3", "person_id": PERSON})
    assert desk.get(f"/v1/cases/{case}")["author"] == expected


def test_persons_who_turn_out_to_be_one_are_known_as_one(desk: Any) -> None:
    """A customer with two handles would keep only half of a history."""
    introduce(desk, author_of(desk))
    desk.receive("identity", "persons_merged", {"survivor": OLDER, "absorbed": PERSON})
    case = desk.case(f"{BRAND} 再问一下", post="second")

    author = desk.get(f"/v1/cases/{case}")["author"]
    assert (author["person_id"], author["orders"]) == (OLDER, 2)


def test_an_unlinked_handle_is_a_stranger_again(desk: Any) -> None:
    """Somebody would be shown another person's orders."""
    account = author_of(desk)
    introduce(desk, account)
    desk.receive("identity", "account_unlinked", {"account_id": account})
    case = desk.case(f"{BRAND} 再问一下", post="second")

    assert desk.get(f"/v1/cases/{case}")["author"]["person_id"] is None


def test_who_is_erased_cannot_be_read_anywhere_and_returns_as_somebody_new(desk: Any) -> None:
    """Somebody who asked to be forgotten could still be read, or be recognised again."""
    account = author_of(desk)
    introduce(desk, account)
    subjects = [account, PERSON]
    request = {"request_id": REQUEST, "person_id": PERSON, "subjects": subjects}
    desk.receive("identity", "erasure_requested", request)
    desk.settle()

    assert desk.happened("erasure_confirmed")[0].event.subjects == (account, PERSON)
    (view,) = desk.get("/v1/mentions")["mentions"]
    assert (view["text"], view["author_name"]) == (None, None)
    assert desk.happened("mention_detected")[0].event.post_id is None
    for table in ("accounts", "memberships", "orders"):
        assert desk.rows(f"SELECT * FROM {table}") == []  # noqa: S608  # our own names
    assert desk.hear(f"{BRAND} 你好", post="first")["duplicates"] == 1
    desk.case(f"{BRAND} 我回来了", post="second")
    returned = desk.happened("mention_detected")[-1].event
    assert str(returned.author_account) != account
    assert returned.text == f"{BRAND} 我回来了"
