"""What is measured at the edges: answers by route template, calls by peer, pools and loops."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine
from werkzeug import Response
from werkzeug.routing import Rule
from werkzeug.test import Client

from chassis.database import Database
from chassis.errors import Alarm, Unavailable
from chassis.loops import Loop, Loops
from chassis.telemetry import metrics, pools
from chassis.telemetry.outbound import measured
from chassis.telemetry.setup import InMemory
from chassis.testing.telemetry import recorded_telemetry
from chassis.wsgi import App
from service_process import wait_for

# Each has few values, all from the code; ids, paths, people and texts have no label to stand in.
BOUNDED = {
    "check", "http.request.method", "http.response.status_code", "http.route", "limit", "loop",
    "outcome", "peer", "pool", "process", "projection", "quota", "reader", "role", "source",
    "state", "subscription", "tenant", "type",
}  # fmt: skip


@pytest.fixture
def recorded() -> Iterator[InMemory]:
    with recorded_telemetry() as running:
        yield running


def points(recorded: InMemory, name: str) -> dict[tuple[str, ...], Any]:
    """Return a metric's values, or how often it was recorded, by its labels."""
    return {
        tuple(str(labels[label]) for label in sorted(labels)): getattr(
            point, "value", getattr(point, "count", None)
        )
        for labels, point in recorded.measurements().get(name, [])
    }


def test_no_metric_has_a_label_without_bounds() -> None:
    """A label with an id in it makes a time series of every order."""
    assert {label for metric in metrics.declared() for label in metric.labels} <= BOUNDED


def test_answers_are_measured_by_template_and_status(recorded: InMemory) -> None:
    """A path with an id would be a series of its own, and a client could make up millions."""
    app = App([(Rule("/v1/orders/<uuid:order_id>", methods=["GET"]), lambda *_: Response("x"))])
    client = Client(app)
    for number in (1, 2):
        client.get(f"/v1/orders/00000000-0000-0000-0000-00000000000{number}")
    client.get("/nowhere/4711")
    client.open("/v1/nowhere", method="SPLURGE")

    assert points(recorded, "http.server.request.duration") == {
        ("GET", "200", "/v1/orders/<uuid:order_id>"): 2,
        ("GET", "404", "unknown"): 1,
        ("_OTHER", "404", "unknown"): 1,
    }


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "answered"), (409, "refused"), (429, "failed"), (503, "failed")],
)
def test_calls_to_others_are_measured_by_how_they_went(
    recorded: InMemory, status: int, outcome: str
) -> None:
    """Nobody could say whether the payment provider or we are slow."""
    assert measured("payments", lambda: httpx.Response(status)).status_code == status

    assert points(recorded, "sixfold.outbound.duration") == {(outcome, "payments"): 1}


def test_a_call_that_reaches_nobody_is_measured_too(recorded: InMemory) -> None:
    """An outage of somebody else would show as calm."""

    def call() -> httpx.Response:
        raise httpx.ConnectError("no")

    with pytest.raises(httpx.ConnectError):
        measured("sms", call)

    assert points(recorded, "sixfold.outbound.duration") == {("unreachable", "sms"): 1}


def test_pools_are_looked_at_when_somebody_reads(recorded: InMemory, tmp_path: Path) -> None:
    """An empty pool makes callers wait, and would be found by guessing."""
    database = Database(f"sqlite:///{tmp_path}/a.db", pool_size=3)
    pools.watch("log", database.engine)
    pools.watch("keys", Database(f"sqlite:///{tmp_path}/b.db", pool_size=1).engine)
    pools.watch("memory", create_engine("sqlite://"))  # has no pool to run empty
    with database.read():
        used = points(recorded, "sixfold.database.connections.used")

    assert used == {("log",): 1, ("keys",): 0}
    assert points(recorded, "sixfold.database.connections.used")["log",] == 0
    assert points(recorded, "sixfold.database.connections.most") == {("log",): 6, ("keys",): 2}
    database.close()


def test_loops_tell_of_silence_failures_and_alarms(recorded: InMemory) -> None:
    """A loop that stopped or goes round in circles would be seen by what is missing, much later."""
    failures: list[Exception] = [Unavailable("away"), ValueError("defect")]

    def failing() -> int:
        if failures:
            raise failures.pop()
        return 0

    def alarmed() -> int:
        raise Alarm("forked")

    loops = Loops(
        [
            Loop(name="failing", step=failing, idle=0.01),
            Loop(name="alarmed", step=alarmed, idle=1),
        ]
    )
    loops.start()
    wait_for(lambda: bool(loops.alarms) and not failures, "both happened")
    wait_for(
        lambda: sum(points(recorded, "sixfold.loop.failed").values()) == 2, "both were counted"
    )
    assert points(recorded, "sixfold.loop.failed") == {
        ("alarmed", "defect"): 0,
        ("alarmed", "unavailable"): 0,
        ("failing", "defect"): 1,
        ("failing", "unavailable"): 1,
    }
    assert points(recorded, "sixfold.reader.stopped") == {("alarmed",): 1, ("failing",): 0}
    silent = points(recorded, "sixfold.loop.silent")
    assert list(silent) == [("failing",)]
    assert 0 <= silent["failing",] < 60
    loops.stop()
