"""What is fed of a user's journeys: under which keys, and what is left out and said."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from campaigns.imports import SESSIONS, TOUCHES, Kind, _read
from campaigns.replies import RowProblem
from chassis.incoming import _KEY
from sixfold.client import Client, Clients
from sixfold.feeding import Fed, Person, feed_rows, feed_visits
from sixfold.journeys import Row, Visit, visits_of
from sixfold.storefront import Storefront

SHOP = Storefront(goods=("tea", "pot"), location="main", property_id="shop")
BEGAN = datetime(2024, 1, 1, 10, tzinfo=UTC)
Answer = Callable[[httpx.Request], Any]


class Service:
    """A client of a service of which only the wire is there; keeps what was sent."""

    def __init__(self, answer: Answer) -> None:
        self.sent: list[httpx.Request] = []
        self._answer = answer
        self.client = Client("http://service.example", "token")
        transport = httpx.MockTransport(self._take)
        self.client._http = httpx.Client(base_url=self.client.url, transport=transport)

    def _take(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, json=self._answer(request))

    @property
    def keys(self) -> list[str]:
        return [request.headers["Idempotency-Key"] for request in self.sent]

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(one.content) for one in self.sent if one.url.path == path]


def imported(kind: Kind[Any], rows: Sequence[Any]) -> dict[str, Any]:
    """Answer as campaigns does: with the true rules about a row."""
    read = list(_read(kind, rows))
    bad = [found for found in read if isinstance(found, RowProblem)]
    refused = [{"row": found.row, "problems": dict(found.problems)} for found in bad]
    return {"recorded": len(read) - len(bad), "known": 0, "refused": refused}


def campaigns(request: httpx.Request) -> dict[str, Any]:
    kinds: dict[str, Kind[Any]] = {
        "/v1/imports/sessions": SESSIONS,
        "/v1/imports/touches": TOUCHES,
    }
    return imported(kinds[request.url.path], json.loads(request.content)["rows"])


def picky(request: httpx.Request) -> dict[str, Any]:
    """Take every session, and refuse the second touch."""
    answer = campaigns(request)
    if request.url.path == "/v1/imports/touches":
        answer["refused"] = [{"row": 2, "problems": {"kind": ["Unknown."]}}]
    return answer


def visits(*steps: tuple[str, str, str], channel: str = "social") -> list[Visit]:
    """Return the visits of rows that are told as user, session and event."""
    return visits_of(
        Row(
            line=line,
            user=user,
            session=session,
            event=event,
            at=BEGAN + timedelta(seconds=line),
            device="web",
            channel=channel,
            cohort="c",
        )
        for line, (user, session, event) in enumerate(steps, start=2)
    )


def people(found: Sequence[Visit]) -> Mapping[str, Person]:
    return {
        visit.user: Person(account_id=f"account-{n}", subject=f"subject-{n}")
        for n, visit in enumerate(found)
    }


def fed_rows(found: Sequence[Visit]) -> tuple[Service, Service, Fed]:
    """Feed the rows of visits; return commerce, listening, and what came of it."""
    commerce = Service(lambda _: {"order_id": "o"})
    listening = Service(lambda _: {"recorded": 1, "conversations": []})
    fed = Fed()
    clients = Clients({"commerce": commerce.client, "listening": listening.client})
    feed_rows(clients, SHOP, found, people(found), fed)
    return commerce, listening, fed


@pytest.mark.parametrize("session", ["訪問1", "visit 1", "é", "s" * 100])
def test_any_session_id_can_be_ordered_and_asked_under(session: str) -> None:
    """A shop that numbers its visits in Chinese could not import a single order."""
    found = visits(("王小姐", session, "purchase"), ("王小姐", session, "support_chat"))
    commerce, listening, fed = fed_rows(found)
    assert (fed.orders, fed.chats, fed.refused) == (1, 1, [])
    assert all(_KEY.fullmatch(key) for key in (*commerce.keys, *listening.keys))
    (chat,) = listening.bodies("/v1/mentions")
    assert len(chat["post_id"]) <= 200


def test_orders_and_chats_of_two_users_in_one_session_are_their_own() -> None:
    """One customer would pay for what another one bought, or be answered in their place."""
    events = ("purchase", "support_chat")
    found = visits(*((user, "till", event) for event in events for user in ("ann", "bob")))
    commerce, listening, fed = fed_rows(found)
    assert (fed.orders, fed.chats) == (2, 2)
    assert len(set(commerce.keys)) == len(set(listening.keys)) == 2
    subjects = {one["person_id"] for one in commerce.bodies("/v1/orders")}
    assert subjects == {"subject-0", "subject-1"}
    assert len({one["post_id"] for one in listening.bodies("/v1/mentions")}) == 2


def test_the_same_rows_are_sent_under_the_same_keys() -> None:
    """The same file imported again would sell everything twice."""
    found = visits(("ann", "s1", "purchase"), ("ann", "s1", "support_chat"))
    (first, asked, _), (second, asked_again, _) = fed_rows(found), fed_rows(found)
    assert first.keys == second.keys
    assert asked.keys == asked_again.keys


def test_a_refused_visit_is_named_once_and_not_fed_further() -> None:
    """A visit that is said to be refused would place its orders all the same."""
    good = visits(("ann", "s1", "home"), ("ann", "s1", "purchase"))
    bad = visits(("bob", "s2", "purchase"), channel="paid search")
    found, service, fed = [*bad, *good], Service(campaigns), Fed()
    kept = feed_visits(service.client, found, people(found), fed)
    assert kept == good
    (reason,) = fed.refused
    assert reason.startswith("line 2: ")
    assert "source" in reason
    (touches,) = service.bodies("/v1/imports/touches")
    assert [row["key"] for row in touches["rows"]] == [good[0].key]


def test_a_file_of_refused_visits_only_is_no_error() -> None:
    """The import would end with a service's complaint about an empty list."""
    bad = visits(("bob", "s2", "purchase"), channel="paid search")
    service, fed = Service(campaigns), Fed()
    assert feed_visits(service.client, bad, people(bad), fed) == []
    assert len(fed.refused) == 1
    assert service.bodies("/v1/imports/touches") == []


def test_a_visit_whose_touch_is_refused_is_named_too() -> None:
    """A visit would lack its beginning, and nobody would be told."""
    found = visits(("ann", "s1", "home"), ("bob", "s2", "home"), ("cid", "s3", "home"))
    service, fed = Service(picky), Fed()
    kept = feed_visits(service.client, found, people(found), fed)
    assert [visit.user for visit in kept] == ["ann", "cid"]
    assert fed.refused == ["line 3: {'kind': ['Unknown.']}"]


def test_two_users_in_one_session_are_two_sessions_to_campaigns() -> None:
    """The second customer's visit would be counted as known and be lost."""
    found = visits(("ann", "till", "home"), ("bob", "till", "home"))
    service, fed = Service(campaigns), Fed()
    feed_visits(service.client, found, people(found), fed)
    for path in ("/v1/imports/sessions", "/v1/imports/touches"):
        (body,) = service.bodies(path)
        assert len({row["key"] for row in body["rows"]}) == 2
