"""Forgetting a person everywhere (S7): what is gone, what stays, and who is reminded."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chassis.lookups import token
from chassis.testing.contexts import SECRET
from identity.events import registry
from identity.projections import consents, funnel, ties

PLAIN = ("13800138000", "1660000000", "爱读书的小林", "xiaolin@example.org", "box ticked by lin")
OTHERS = ("listening", "campaigns", "commerce", "loop")


def known_member(world: Any) -> dict[str, str]:
    """Return somebody of whom everything is known that can be."""
    account = world.follow("1660000000", name="爱读书的小林")
    claimed = world.prove(account_id=account, programme="readers")
    person = claimed["person_id"]
    world.service.post(f"/v1/persons/{person}/emails", {"address": "xiaolin@example.org"})
    said = {"purpose": "marketing", "channel": "sms", "text_version": "1"}
    proof = {"proof": "box ticked by lin"}
    world.service.post(f"/v1/persons/{person}/consents", {**said, **proof})
    world.service.settle()
    return {"account": account, "person": person, "phone": claimed["phone_id"]}


def erase(world: Any, person: str) -> str:
    """Ask to be forgotten, and let identity do its part."""
    request = world.service.post(f"/v1/persons/{person}/erasure")["request_id"]
    world.service.settle()
    return str(request)


def confirm(world: Any, request: str, services: tuple[str, ...] = OTHERS) -> None:
    """Let other services say that they have forgotten."""
    for service in services:
        world.service.receive(service, "erasure_confirmed", {"request_id": request, "subjects": []})
    world.service.settle()


def files(world: Any) -> Iterator[Path]:
    """Yield every file that the service has written, after everything reached it."""
    for database in (world.service.storage.database, world.service.storage.keys.database):
        with database.engine.connect() as connection:
            connection.connection.dbapi_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        path = Path(database.url.removeprefix("sqlite:///"))
        yield from path.parent.glob(f"{path.name}*")


def test_nothing_personal_can_be_read_any_more(world: Any) -> None:
    """Somebody who was promised to be forgotten would still be in the files."""
    known = known_member(world)
    opened = str(world.person(known["person"]))
    digest = token(SECRET, "acme", "phone", "+8613800138000").encode()
    before = b"".join(path.read_bytes() for path in files(world))

    confirm(world, erase(world, known["person"]))

    after = b"".join(path.read_bytes() for path in files(world))
    assert all(value in opened for value in PLAIN[:4])
    assert not [value for value in PLAIN if value.encode() in after]
    assert digest in before
    assert digest not in after
    assert not any(_personal(entry) for entry in world.service.happened())
    shown = str(world.person(known["person"]))
    assert not [value for value in PLAIN if value in shown]


def test_the_person_is_erased_when_every_service_has_confirmed(world: Any) -> None:
    """A person would be told that they are forgotten while one service still knows them."""
    known = known_member(world)
    request = erase(world, known["person"])
    confirm(world, request, OTHERS[:3])
    waiting = world.service.get(f"/v1/erasures/{request}")
    confirm(world, request)
    done = world.service.get(f"/v1/erasures/{request}")

    assert (waiting["done"], waiting["missing"]) == (False, ["loop"])
    assert (done["done"], done["missing"]) == (True, [])
    erased = world.service.happened("person_erased")
    assert [str(entry.event.request_id) for entry in erased] == [request]
    requested = world.service.happened("erasure_requested")[0].event
    assert {known["person"], known["account"], known["phone"]} <= set(requested.subjects)


def test_late_services_are_called_out_until_they_confirm(world: Any) -> None:
    """A service that never confirms would go unnoticed."""
    request = erase(world, known_member(world)["person"])
    confirm(world, request, OTHERS[:3])
    start = world.service.clock.now()

    world.service.advance_to(start + timedelta(days=15))
    escalated = [entry.event.missing for entry in world.service.happened("erasure_escalated")]
    confirm(world, request)
    world.service.advance_to(start + timedelta(days=60))

    assert escalated == [["loop"], ["loop"]]
    assert world.service.types().count("erasure_escalated") == 2
    assert world.service.types().count("person_erased") == 1


def test_confirmations_that_nobody_waits_for_change_nothing(world: Any) -> None:
    """A stray message would erase, or fill the log."""
    before = world.service.types()

    confirm(world, "0190f3c0-0000-7000-8000-0000000000ff")

    assert world.service.types() == before


def test_asking_twice_is_one_request(world: Any) -> None:
    """Every click would start the whole process again."""
    person = known_member(world)["person"]

    assert erase(world, person) == erase(world, person)
    assert world.service.types().count("erasure_requested") == 1


def test_nothing_can_be_added_to_the_forgotten(world: Any) -> None:
    """A person who was forgotten would be known again under their old id."""
    person = known_member(world)["person"]
    erase(world, person)

    answer = world.service.call("POST", "/v1/phones/claims", {"number": "1", "person_id": person})

    assert (answer.status_code, answer.json["code"]) == (410, "person_forgotten")


def test_who_comes_back_is_somebody_new(world: Any) -> None:
    """A forgotten person's handle and number would lead back to their past."""
    known = known_member(world)
    confirm(world, erase(world, known["person"]))

    account = world.follow("1660000000", name="小林回来了")
    again = world.prove(account_id=account)

    assert account != known["account"]
    assert again["phone_id"] != known["phone"]
    assert again["person_id"] != known["person"]
    assert "merge_proposed" not in world.service.types()
    assert world.person(again["person_id"])["handles"][0]["name"] == "小林回来了"


def test_a_mention_does_not_bring_the_forgotten_back(world: Any) -> None:
    """A forgotten handle would be observed again as if nothing had been asked."""
    known = known_member(world)
    erase(world, known["person"])
    before = world.service.types()

    mention = {"platform": "weibo", "author_account": known["account"]}
    world.service.receive("listening", "mention_detected", mention)

    assert world.service.types() == before


def test_everybody_who_was_merged_is_forgotten_and_nobody_else(world: Any) -> None:
    """Half of a person would stay, or a stranger who claims the same number would go too."""
    first = world.prove(account_id=world.follow("42"))["person_id"]
    second = world.prove(account_id=world.follow("lin", platform="wechat"))["person_id"]
    stranger = world.claim(
        person_id=world.service.post("/v1/persons", {"origin": "x"})["person_id"]
    )

    erase(world, second)

    subjects = world.service.happened("erasure_requested")[0].event.subjects
    assert {first, second} <= set(subjects)
    assert len(subjects) == 4
    kept = world.person(stranger["person_id"])["phones"]
    assert [phone["e164"] for phone in kept] == ["+8613800138000"]
    code = world.ask_for_code(stranger["phone_id"], stranger["person_id"])
    assert world.confirm(stranger["phone_id"], code).json["code"] == "verified"


def test_the_numbers_stay(world: Any) -> None:
    """Last year's report would change whenever somebody asks to be forgotten."""
    known = known_member(world)
    types = world.service.types()
    confirm(world, erase(world, known["person"]))

    assert world.service.types()[: len(types)] == types
    assert world.service.get("/v1/funnel")["fans"] == 1


@pytest.mark.parametrize(
    "table", sorted(table.name for read in (ties, funnel, consents) for table in read.tables)
)
def test_no_read_model_holds_anything_personal(world: Any, table: str) -> None:
    """A key could be destroyed and the name still be read in a table."""
    known_member(world)

    with world.service.storage.system.read() as db:
        rows = str(db.execute(text(f"SELECT * FROM {table}")).all())  # noqa: S608  # our own table

    assert not [value for value in PLAIN if value in rows]


def _personal(entry: Any) -> list[Any]:
    names = registry.kind(entry.type).personal
    return [value for value in (getattr(entry.event, name) for name in names) if value]
