"""What an operator sees and does over HTTP with events that wait."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus_service import Listener, embedded, greet
from chassis.entrypoints import handlers_of
from chassis.service_edge import ServiceEdge
from chassis.storage import Storage
from chassis.testing.web import Tokens, Web

PARKED = "/internal/v1/parked"
NAME = "listener.on.greeter"


class ListenerEdge(ServiceEdge):
    """Only what every service answers."""

    name = "listener"


@pytest.fixture
def producer(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path, "producer")
    yield storage
    storage.database.close()


@pytest.fixture
def listener(tmp_path: Path, producer: Storage) -> Iterator[Listener]:
    """Give a consumer of four streams of three events, of which every first one failed."""
    storage = embedded(tmp_path, "listener")
    listener = Listener(storage, producer)
    for stream in "abcd":
        greet(producer, stream, [1, 2, 3])
    listener.fails = lambda number: KeyError("gone") if number == 1 else None
    with producer.system.read() as db:
        listener.inbox.receive(producer.log(db).after(0, limit=100))
    yield listener
    storage.database.close()


@pytest.fixture
def web(tmp_path: Path, listener: Listener) -> Web:
    tokens = Tokens(tmp_path / "issuer")
    return Web(tokens, listener.storage, handlers_of(ListenerEdge()), scopes=["operate"])


def pages(web: Web, path: str, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = web.get(path).get_json()
    while True:
        found.extend(page[name])
        if page["next"] is None:
            return found
        page = web.get(f"{path}&cursor={page['next']}").get_json()


def test_the_list_comes_page_by_page(web: Web) -> None:
    """A million parked events would not fit into one answer."""
    found = pages(web, f"{PARKED}?limit=5", "parked")

    assert [one["position"] for one in found] == list(range(1, 13))
    assert len(web.get(f"{PARKED}?limit=5").get_json()["parked"]) == 5


def test_the_list_can_be_of_one_error_or_one_subscription(web: Web) -> None:
    """Among thousands that wait, nobody would find the four that failed."""
    failed = web.get(f"{PARKED}?error=KeyError&subscription={NAME}").get_json()["parked"]

    assert [one["position"] for one in failed] == [1, 4, 7, 10]
    assert web.get(f"{PARKED}?error=Key%25").get_json()["parked"] == []
    assert web.get(f"{PARKED}?subscription=other").get_json()["parked"] == []


def test_retrying_all_of_one_error_heals_every_stream(web: Web, listener: Listener) -> None:
    """After a fix somebody would have to retry a thousand events by hand."""
    listener.fails = lambda _: None
    assert web.post(f"{PARKED}/retry", {"error": "ValueError"}).get_json() == {"retried": 0}

    answer = web.post(f"{PARKED}/retry", {"error": "KeyError", "subscription": NAME})

    assert answer.get_json() == {"retried": 4}
    while listener.delivery.retry_due():
        pass
    assert [listener.numbers(stream) for stream in "abcd"] == [[1, 2, 3]] * 4
    assert web.get(PARKED).get_json() == {"parked": [], "next": None}


def test_an_event_that_waits_behind_another_is_not_tried_before_it(
    web: Web, listener: Listener
) -> None:
    """A stream would be handled out of order."""
    answer = web.post(f"{PARKED}/{NAME}/2/retry", None)

    assert (answer.status_code, answer.get_json()["code"]) == (409, "waits_behind")
    assert listener.delivery.retry_due() == 0


def test_skipping_one_that_waits_behind_leaves_the_first_alone(
    web: Web, listener: Listener
) -> None:
    """The failed event would be tried at once, whatever its delay."""
    web.post(f"{PARKED}/{NAME}/2/skip", {"reason": "a test greeting"})

    assert listener.delivery.retry_due() == 0
    listener.fails = lambda _: None
    web.post(f"{PARKED}/{NAME}/1/retry", None)
    while listener.delivery.retry_due():
        pass
    assert listener.numbers("a") == [1, 3]


def test_whoever_did_something_can_be_named_afterwards(web: Web) -> None:
    """Nobody would know why an event was given up."""
    web.post(f"{PARKED}/{NAME}/1/retry", None)
    web.post(f"{PARKED}/{NAME}/4/skip", {"reason": "a test order"})
    web.post(f"{PARKED}/{NAME}/7/skip", {"reason": "another"})

    found = pages(web, f"{PARKED}/audit?limit=2", "audit")

    assert [(one["action"], one["position"], one["reason"]) for one in found] == [
        ("skip", 7, "another"), ("skip", 4, "a test order"), ("retry", 1, "")
    ]  # fmt: skip
    assert {one["actor"] for one in found} == {"user:u1"}
    assert all(one["at"] for one in found)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", PARKED, None),
        ("GET", f"{PARKED}/audit", None),
        ("GET", f"{PARKED}/{NAME}/1", None),
        ("POST", f"{PARKED}/{NAME}/1/retry", None),
        ("POST", f"{PARKED}/retry", {"error": "KeyError"}),
        ("POST", f"{PARKED}/{NAME}/1/skip", {"reason": "because"}),
    ],
)
def test_only_operators_may(
    tmp_path: Path, listener: Listener, method: str, path: str, body: Any
) -> None:
    """Anybody with a token could give up other people's orders."""
    tokens = Tokens(tmp_path / "other")
    visitor = Web(tokens, listener.storage, handlers_of(ListenerEdge()), scopes=["commerce.write"])

    assert visitor.send(method, path, json=body).status_code == 403
    assert len(listener.parked()) == 12


@pytest.mark.parametrize("body", [{"reason": ""}, {}, {"reason": "x", "more": 1}])
def test_a_skip_without_a_reason_is_refused(
    web: Web, listener: Listener, body: dict[str, object]
) -> None:
    """An event would be lost and nobody could say why."""
    assert web.post(f"{PARKED}/{NAME}/1/skip", body).status_code == 400
    assert len(listener.parked()) == 12
