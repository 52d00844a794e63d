"""A person who asks to be forgotten, in a whole installation."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from chassis.errors import NotFound
from chassis.roles import blueprint_of
from installation import ALL, Installation, eventually
from sixfold.client import Refused
from sixfold.feeding import PLATFORM
from sixfold.following_up import ANSWER

pytestmark = [pytest.mark.journey, pytest.mark.servers]


@dataclass(frozen=True, kw_only=True, slots=True)
class Member:
    """A customer of the demonstration who proved a phone, and wrote to the shop."""

    person_id: str
    account_id: str
    user: str
    phone: str
    words: str
    parcel: str

    @property
    def values(self) -> tuple[str, ...]:
        """What only they would recognise themselves by."""
        return (self.user, self.phone, self.words, self.parcel)


@pytest.fixture(scope="module")
def member(installation: Installation) -> Member:
    """Give a member who has written, got an answer, and been sent a parcel."""
    installation.settle()
    enrolled = installation.events("identity", "member_enrolled")[0].event
    account = next(
        one.event
        for one in installation.events("identity", "account_observed")
        if one.event.account_id == enrolled.from_account and one.event.platform_user_id
    )
    phone = next(
        one.event.e164
        for one in installation.events("identity", "phone_claimed")
        if one.event.person_id == enrolled.person_id
    )
    found = Member(
        person_id=str(enrolled.person_id),
        account_id=str(enrolled.from_account),
        user=str(account.platform_user_id),
        phone=str(phone),
        words=f"my parcel is late, says {uuid4()}",
        parcel=f"HK{uuid4().hex}",
    )
    _live(installation, found)
    return found


def _live(installation: Installation, member: Member) -> None:
    """Let the member write, be answered, buy and be sent something."""
    mine = {"platform": PLATFORM, "author_id": member.user, "author_name": member.user}
    taken = installation.mention(member.words, kind="dm", **mine)
    (persona, *_) = installation.clients["listening"].get("/v1/personas")
    order_id = installation.order(person=member.person_id)
    installation.settle()
    installation.clients["listening"].post(
        f"/v1/cases/{taken['conversations'][0]['case_id']}/replies",
        {"text": ANSWER, "persona_id": persona["persona_id"]},
    )
    installation.clients["commerce"].post(
        f"/v1/orders/{order_id}/fulfilment/ship", {"carrier": "HK Post", "no": member.parcel}
    )
    installation.settle()


def personal_fields(installation: Installation, subjects: set[str]) -> Iterator[tuple[str, Any]]:
    """Yield each personal field of some subjects in any log, and what can be read of it."""
    for service in ALL:
        registry = blueprint_of(service).registry
        for one in installation.events(service):
            for field, owner in registry.kind(one.recorded.type).personal.items():
                if str(getattr(one.event, owner)) in subjects:
                    yield f"{one.recorded.type}.{field}", getattr(one.event, field)


def holders(installation: Installation, values: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return which files of databases and broker hold one of some values, whole or escaped."""
    folders = (installation.data, installation.stack.directory / "loop",
               installation.stack.directory / "rabbitmq")  # fmt: skip
    kept = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return [
        (path.name, value) for path in kept for value in values if value.encode() in _bytes(path)
    ]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:  # the broker drops a file of messages once they are read
        return b""


def test_who_asks_to_be_forgotten_can_be_read_nowhere_and_the_numbers_stay(
    installation: Installation, member: Member
) -> None:
    """A person's words or number would outlive their wish, or their wish would change history."""
    before = installation.hashes()
    subjects = {member.person_id, member.account_id}
    readable = {name for name, value in personal_fields(installation, subjects) if value}
    assert readable >= {
        "account_observed.name", "phone_claimed.e164", "mention_detected.text",
        "mention_detected.author_id", "reply_drafted.text", "order_placed.payment_method",
        "fulfilment_shipped.no",
    }  # fmt: skip
    asked = installation.clients["identity"].post(
        f"/v1/persons/{member.person_id}/erasure", None, key=str(uuid4())
    )

    def forgotten() -> bool:
        return any(
            str(one.event.request_id) == asked["request_id"]
            for one in installation.events("identity", "person_erased")
        )

    eventually(forgotten, "every service has forgotten the person")
    after = installation.hashes()
    (requested,) = installation.events("identity", "erasure_requested")
    assert set(requested.event.subjects) >= subjects
    left = dict(personal_fields(installation, {*subjects, *requested.event.subjects}))
    assert left.keys() >= readable
    assert {name: value for name, value in left.items() if value is not None} == {}
    assert holders(installation, member.values) == []
    assert after["positions"] != before["positions"]
    assert (after["hash"], after["cycles"]) == (before["hash"], before["cycles"])


def test_the_page_of_somebody_forgotten_shows_nothing_personal(
    installation: Installation, member: Member
) -> None:
    """Support would still see who somebody was."""
    path = f"/v1/persons/{member.person_id}"
    shown = eventually(
        lambda: _without(installation, path, member.values), "the person's page is empty"
    )
    assert member.person_id in str(shown) or shown == NotFound.code
    listed = str(installation.clients["listening"].get("/v1/mentions", limit=200))
    assert not any(value in listed for value in member.values)


def _without(installation: Installation, path: str, values: tuple[str, ...]) -> Any:
    try:
        shown = installation.clients["identity"].get(path)
    except Refused as refusal:
        return refusal.code
    return None if any(value in str(shown) for value in values) else shown


def test_who_comes_back_after_an_erasure_is_somebody_new(
    installation: Installation, member: Member
) -> None:
    """The shop would refuse somebody for ever, or know them by what it promised to forget."""
    mine = {"platform": PLATFORM, "author_id": member.user, "author_name": member.user}
    taken = installation.mention("I am back for tea", kind="dm", **mine)
    installation.settle()
    (mention,) = [
        one.event
        for one in installation.events("listening", "mention_detected")
        if str(one.event.mention_id) == taken["mention_id"]
    ]
    assert mention.text == "I am back for tea"
    assert str(mention.author_account) != member.account_id
    assert str(mention.author_account) in {
        str(one.event.account_id) for one in installation.events("identity", "account_observed")
    }
