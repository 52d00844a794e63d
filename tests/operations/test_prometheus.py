"""A real Prometheus watches real processes: alerts fire when something is wrong, and clear."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from chassis.feed import SCOPE
from chassis.ids import new_id
from chassis.testing.fixtures import started
from chassis.testing.nodes import free_ports
from chassis.testing.web import Tokens
from service_process import Place, Process, wait_for
from watching import PrivatePrometheus, Target

pytestmark = [pytest.mark.servers, pytest.mark.journey, pytest.mark.tools]
POISON = 666
PARTS = ("greeter-worker", "greeter-relay", "listener-worker", "listener-relay")


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """Two services as four processes, and who watches them."""

    greeter: Place
    listener: Place
    processes: dict[str, Process]
    ports: dict[str, int]
    prometheus: PrivatePrometheus

    def start(self, part: str) -> None:
        """Start one process."""
        name, _, role = part.partition("-")
        place = self.greeter if name == "greeter" else self.listener
        self.processes[part] = Process(place, role, OPS_PORT=str(self.ports[part]))

    def fires(self, alert: str, **labels: str) -> bool:
        """Say whether an alert fires with such labels among others."""
        found = self.prometheus.firing().get(alert, [])
        return any(labels.items() <= one.items() for one in found)

    def probe(self, part: str, page: str) -> tuple[int, dict[str, Any]]:
        """Return status and checks of a probe."""
        try:
            with urlopen(
                f"http://127.0.0.1:{self.ports[part]}/{page}", timeout=20
            ) as answer:  # our own address
                status, body = answer.status, json.loads(answer.read())
        except HTTPError as error:
            status, body = error.code, json.loads(error.read())
        return status, {check["name"]: check["problem"] for check in body["checks"]}


@pytest.fixture
def watched(tmp_path: Path, amqp_uri: str, server_directory: Path) -> Iterator[Watched]:
    greeter = Place("greeter", tmp_path, amqp_uri, Tokens(tmp_path))
    feeds = f"greeter={greeter.address}"
    listener = Place("listener", tmp_path, amqp_uri, greeter.tokens, feeds=feeds)
    ports = dict(zip(PARTS, free_ports(len(PARTS)), strict=True))
    targets = [Target(job=f"shop/sixfold-{part}", port=ports[part]) for part in PARTS]
    prometheus = PrivatePrometheus(server_directory / "prometheus", targets)
    watched = Watched(
        greeter=greeter, listener=listener, processes={}, ports=ports, prometheus=prometheus
    )
    try:
        for part in PARTS:
            watched.start(part)
        started(prometheus)
        yield watched
    finally:
        prometheus.close()
        for process in watched.processes.values():
            process.kill()


def test_alerts_fire_for_a_dead_relay_and_a_parked_event_and_clear(watched: Watched) -> None:
    """Operators would learn of it from their customers, or be called for what has long healed."""
    up = "count(up == 1)"
    prometheus = watched.prometheus
    wait_for(lambda: _number(prometheus.values(up)) == len(PARTS), "all four are scraped")
    for part in PARTS:
        wait_for(lambda part=part: watched.probe(part, "readyz")[0] == 200, f"{part} is ready")
        for page in ("startupz", "livez"):
            assert watched.probe(part, page)[0] == 200, (part, page)
    wait_for(lambda: "SixfoldProcessDown" not in prometheus.firing(), "nothing fires")

    # An event that cannot be handled waits for a person, and is given up with a reason.
    watched.greeter.post("/v1/greetings/good", {"number": 1})
    watched.greeter.post("/v1/greetings/bad", {"number": POISON})
    wait_for(
        lambda: watched.fires(
            "SixfoldParkedNeedsPerson", service_name="listener", namespace="shop"
        ),
        "the alert for a parked event fires",
    )
    _skip_all(watched.listener)
    wait_for(
        lambda: not watched.fires("SixfoldParkedNeedsPerson"), "the alert clears once it is gone"
    )

    # Without its relay nothing of a service is published any more.
    watched.processes["greeter-relay"].kill()
    wait_for(
        lambda: watched.fires("SixfoldProcessDown", job="shop/sixfold-greeter-relay"),
        "the alert for the dead relay fires",
    )
    assert not watched.fires("SixfoldProcessDown", job="shop/sixfold-greeter-worker")
    watched.start("greeter-relay")
    wait_for(lambda: not watched.fires("SixfoldProcessDown"), "the alert clears")
    watched.greeter.post("/v1/greetings/good", {"number": 2})
    wait_for(lambda: watched.listener.numbers("good") == [1, 2], "events are carried again")
    assert watched.probe("greeter-relay", "livez")[0] == 200


def _number(result: list[Any]) -> float:
    return float(result[0]["value"][1]) if result else 0.0


def _skip_all(place: Place) -> None:
    """Give every parked event up, as an operator does."""
    for parked in place.answers("/internal/v1/parked")["parked"]:
        path = f"/internal/v1/parked/{parked['subscription']}/{parked['position']}/skip"
        headers = {
            **place.tokens.bearer("operate", SCOPE),
            "Content-Type": "application/json",
            "Idempotency-Key": str(new_id()),
        }
        body = json.dumps({"reason": "poison of a test"}).encode()
        asked = Request(place.address + path, body, headers)  # noqa: S310  # our own address
        with urlopen(asked, timeout=30) as answer:  # noqa: S310  # as above
            assert answer.status == 200
