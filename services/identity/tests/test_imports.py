"""The bulk import of people: the same rules, row by row, and the same rows twice add nothing."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.testing.contexts import NOW
from identity.tenant_messages import ImportBody

IMPORT = "/v1/imports/people"


def row(user: str, **more: Any) -> dict[str, Any]:
    """Return one line of an import."""
    at = (NOW - timedelta(days=30)).isoformat()
    return {"platform": "weibo", "platform_user_id": user, "name": f"N{user}", "at": at, **more}


def test_rows_become_fans_and_known_people(world: Any) -> None:
    """An import would bring in handles without the people behind them."""
    rows = [row("1", topic="novels"), row("2", phone="13800138000"), row("3", property_id="p")]

    done = world.service.post(IMPORT, {"rows": rows})
    world.service.settle()

    assert [line["outcome"] for line in done["rows"]] == ["added"] * 3
    person = done["rows"][1]["person_id"]
    shown = world.person(person)
    assert [handle["evidence"]["kind"] for handle in shown["handles"]] == ["declared"]
    assert [phone["level"] for phone in shown["phones"]] == ["claimed"]
    funnel = world.service.get("/v1/funnel")
    assert (funnel["fans"], funnel["known"], funnel["verified"]) == (3, 1, 0)
    followed = world.service.happened("brand_followed")
    assert followed[0].event.acquired_topic == "novels"
    assert followed[0].event.at == NOW - timedelta(days=30)


def test_the_same_rows_again_add_nothing(world: Any) -> None:
    """A repeated import would double the fans."""
    rows = [row("1"), row("2", phone="13800138000"), row("1")]
    world.service.post(IMPORT, {"rows": rows})
    before = world.service.types()

    again = world.service.post(IMPORT, {"rows": rows})

    assert (again["added"], again["unchanged"], again["refused"]) == (0, 3, 0)
    assert world.service.types() == before


def test_a_bad_row_leaves_the_others_alone(world: Any) -> None:
    """One wrong number in a file would stop the whole file."""
    rows = [row("1"), row("2", phone="12"), row("3")]

    done = world.service.post(IMPORT, {"rows": rows})

    assert [line["outcome"] for line in done["rows"]] == ["added", "refused", "added"]
    assert done["rows"][1]["code"] == "number_invalid"


def test_one_handle_cannot_bring_in_more_numbers_than_a_person_has(world: Any) -> None:
    """A file could build the giant person that the rules forbid."""
    rows = [row("1", phone=f"1380013800{n}") for n in range(7)]

    done = world.service.post(IMPORT, {"rows": rows})

    assert (done["added"], done["refused"]) == (5, 2)
    assert {line["code"] for line in done["rows"][5:]} == {"identifier_cap"}


def test_an_import_happens_when_it_happened(world: Any) -> None:
    """A year of history would all have happened today."""
    then = NOW - timedelta(days=300)

    world.service.post(IMPORT, {"rows": [row("1")], "occurred_at": then.isoformat()})

    assert world.service.happened("account_observed")[0].envelope.occurred_at == then


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (row("2", shoe_size=44), "shoe_size"),
        (row("2", topic=7), "topic"),
        (row("2", at="yesterday"), "at"),
        (row(""), "platform_user_id"),
        ({"platform": "weibo"}, "platform_user_id"),
        ("a line of text", "_schema"),
        (None, "_schema"),
    ],
)
def test_a_row_that_does_not_fit_leaves_the_others_alone(world: Any, bad: Any, field: str) -> None:
    """One strange column in one line would stop the whole file."""
    done = world.service.post(IMPORT, {"rows": [row("1"), bad, row("3")]})

    assert (done["added"], done["refused"]) == (2, 1)
    assert [line["row"] for line in done["rows"]] == [1, 2, 3]
    assert [line["outcome"] for line in done["rows"]] == ["added", "refused", "added"]
    refused = done["rows"][1]
    assert refused["code"] == "invalid"
    assert field in refused["problems"]
    assert refused["account_id"] is None
    assert world.service.types().count("account_observed") == 2


def test_rows_that_are_not_read_yet_do_not_show_in_logs() -> None:
    """Names and numbers of a whole file would stand in a log as soon as its body does."""
    body = ImportBody(rows=[row("secret-handle", phone="13800138000")])

    assert "secret-handle" not in repr(body)
    assert "13800138000" not in repr(body)


@pytest.mark.parametrize("rows", [[], [row(str(n)) for n in range(501)]])
def test_no_rows_or_too_many_are_refused_as_a_whole(world: Any, rows: list[Any]) -> None:
    """A request without end would hold everybody else up."""
    before = world.service.types()

    answer = world.service.call("POST", IMPORT, {"rows": rows})

    assert answer.status_code == 400
    assert world.service.types() == before


def test_five_hundred_rows_fit_in_one_request(world: Any) -> None:
    """The demo's people could not be loaded in time."""
    rows = [row(str(n), **({} if n % 10 else {"phone": f"1380013{n:04}"})) for n in range(500)]

    done = world.service.post(IMPORT, {"rows": rows})

    assert done["added"] == 500
    assert world.service.types().count("phone_claimed") == 50
