"""Who is asked to leave says so first, finishes what it has, and hands its roles over."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bus_service import greet, registry
from chassis.clock import SystemClock
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.servers import PrivatePostgreSQL
from chassis.testing.web import Tokens
from service_process import Place, Process, wait_for

pytestmark = [pytest.mark.servers, pytest.mark.journey]
PATIENCE = 300.0  # until a process has started, on whatever the machine is busy with
HANDED_OVER = 15.0  # a busy machine; idle it is under two seconds


@pytest.fixture
def places(
    tmp_path: Path, amqp_uri: str, postgresql: PrivatePostgreSQL
) -> Iterator[tuple[Place, Place]]:
    tokens = Tokens(tmp_path)
    urls = {
        name: postgresql.database(f"drain_{name}_{tmp_path.name}")
        for name in ("greeter", "listener")
    }
    greeter = Place("greeter", tmp_path, amqp_uri, tokens, database_url=urls["greeter"])
    feeds = f"greeter={greeter.address}"
    listener = Place(
        "listener", tmp_path, amqp_uri, tokens, feeds=feeds, database_url=urls["listener"]
    )
    yield greeter, listener
    greeter.database.close()
    listener.database.close()


def storage_of(greeter: Place) -> Storage:
    return Storage(
        service="greeter", database=greeter.database, registry=registry, keys=MemoryKeys(),
        clock=SystemClock(), secret=SECRET,
    )  # fmt: skip


def test_a_worker_stops_being_ready_before_it_stops_answering(places: tuple[Place, Place]) -> None:
    """A load balancer would send requests to a worker that has gone."""
    listener = places[1]
    listener.settings["DRAIN_SECONDS"] = "6"
    with listener.running("worker") as (worker,):
        wait_for(lambda: listener.answers("/healthz") is not None, "it answers")
        kept, held_up = connected(listener), connected(listener)
        assert asked(kept, "/healthz")[:2] == (200, None)
        with ThreadPoolExecutor() as elsewhere:
            bearer = listener.tokens.bearer("greet")
            held = elsewhere.submit(asked, held_up, "/v1/held/3000", **bearer)
            wait_for(lambda: busy(listener, "active"), "the request is under way")
            worker.ask_to_stop()

            status, closing, body = asked(kept, "/readyz")
            assert (status, closing) == (503, "close")
            problems = [each for each in json.loads(body)["checks"] if each["problem"]]
            assert {"name": "stays", "problem": "asked to leave"} in problems
            assert asked(HTTPConnection("127.0.0.1", listener.port), "/healthz")[0] == 200
            assert held.exception() is None
        code, seconds = worker.ended()
        assert (code, seconds < HANDED_OVER + 6) == (0, True), worker.said()


def connected(place: Place) -> HTTPConnection:
    """Return a connection that a client keeps."""
    return HTTPConnection("127.0.0.1", place.port, timeout=30)


def asked(connection: HTTPConnection, path: str, **headers: str) -> tuple[int, str | None, bytes]:
    """Ask on a connection; return status, what it says of the connection, and the body."""
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.getheader("Connection"), answer.read()


def busy(place: Place, state: str) -> bool:
    """Say whether somebody else's session is in a state."""
    asked = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND pid <> pg_backend_pid() AND state = :state"""
    return bool(place.database.glance(asked, state=state)[0])


@pytest.mark.parametrize(
    ("half", "role", "reader"),
    [("projector", "followers", "counting"), ("publisher", "publisher", "publisher")],
)
def test_the_next_leader_works_within_seconds(
    places: tuple[Place, Place], half: str, role: str, reader: str
) -> None:
    """A rolling upgrade would stop a log for as long as a lock lives on."""
    greeter, _ = places
    (other,) = {"projector", "publisher"} - {half}
    with greeter.running("worker", other), greeter.running(half) as (first,):
        greet(storage_of(greeter), "a", [1])
        wait_for(lambda: at(greeter, reader) > 0, "the first one leads", PATIENCE)
        alone = standing(greeter, role)
        second = Process(greeter, half, HTTP_PORT=str(greeter.port))
        try:
            wait_for(lambda: standing(greeter, role) > alone, "it stands by", PATIENCE)
            code, _ = first.stop()
            assert code == 0, first.said()
            before, left = at(greeter, reader), time.monotonic()
            greet(storage_of(greeter), "a", [2])
            wait_for(lambda: at(greeter, reader) > before, "the next one leads")
            assert time.monotonic() - left < HANDED_OVER
        finally:
            second.kill()


def standing(greeter: Place, role: str) -> int:
    """Return how many processes lead or stand by in a role."""
    asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE :name"
    asked += " AND datname = current_database()"
    return int(greeter.database.glance(asked, name=f"sixfold {role} %")[0])


def at(greeter: Place, reader: str) -> int:
    """Return how far a reader of the own log has come."""
    asked = "SELECT coalesce(max(position), 0) FROM checkpoints WHERE name = :name"
    return int(greeter.database.glance(asked, name=reader)[0])
