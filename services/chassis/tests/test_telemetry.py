"""One trace runs from a cause to its last effect, and nothing personal rides along."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import eventlet
import pytest

from chassis import telemetry
from chassis.errors import Rejected
from chassis.telemetry import metrics, setup
from chassis.telemetry.guard import AttributeRefused, Guard
from chassis.telemetry.setup import InMemory
from chassis.telemetry.span_file import read_spans
from chassis.testing.settings import settings
from chassis.testing.telemetry import recorded_telemetry

STORED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"


@pytest.fixture
def recorded() -> Iterator[InMemory]:
    with recorded_telemetry() as running:
        yield running


def only(recorded: InMemory) -> dict[str, Any]:
    (span,) = recorded.spans()
    return span


def test_without_set_up_nothing_is_traced_and_nothing_breaks() -> None:
    """A script that imports the chassis needs no telemetry."""
    with telemetry.span("work"):
        metrics.record(metrics.APPENDED, 2)

        assert telemetry.current_traceparent() is None
        assert telemetry.current_ids() is None


def test_a_stored_context_is_continued_without_set_up() -> None:
    """A process without a collector does not break the traces of its neighbours."""
    with telemetry.span("work", parent=STORED):
        assert telemetry.current_traceparent() == STORED


def test_the_current_context_can_be_stored_and_continued(recorded: InMemory) -> None:
    """What an event causes much later belongs to the event's trace."""
    with telemetry.span("cause"):
        stored = telemetry.current_traceparent()
        trace_id = telemetry.current_trace_id()
    with telemetry.span("effect", parent=stored):
        pass

    cause, effect = recorded.spans()
    assert effect["parent_id"] == cause["span_id"]
    assert trace_id == cause["trace_id"] == effect["trace_id"]
    assert telemetry.trace_id_of(stored) == trace_id


@pytest.mark.parametrize("nonsense", [None, "", "nonsense", "00-" + "0" * 32 + "-b7ad-01", "é"])
def test_a_nonsense_context_begins_a_new_trace(recorded: InMemory, nonsense: str | None) -> None:
    """A foreign producer's broken header does not stop an event."""
    with telemetry.span("work", parent=nonsense, links=[nonsense]):
        pass

    span = only(recorded)
    assert (span["parent_id"], span["links"]) == (None, [])
    assert telemetry.trace_id_of(nonsense) is None


def test_processing_one_event_continues_and_links_its_trace(recorded: InMemory) -> None:
    """One trace can be followed from the first event to the last."""
    with telemetry.processing("demo.on.other.2", [STORED]):
        pass

    span = only(recorded)
    assert (span["name"], span["kind"]) == ("process demo.on.other.2", "consumer")
    assert span["trace_id"] == telemetry.trace_id_of(STORED)
    assert [link["trace_id"] for link in span["links"]] == [span["trace_id"]]
    assert span["attributes"] == {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": "demo.on.other.2",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }


def test_processing_a_batch_links_every_trace(recorded: InMemory) -> None:
    """A batch hides none of the traces that led to it."""
    with telemetry.processing("q", [STORED, None, OTHER], count=3):
        pass

    span = only(recorded)
    assert [link["trace_id"] for link in span["links"]] == [STORED[3:35], OTHER[3:35]]
    assert span["trace_id"] not in (STORED[3:35], OTHER[3:35])
    assert span["attributes"]["messaging.batch.message_count"] == 3


def test_publishing_says_where_to_and_how_many(recorded: InMemory) -> None:
    """A dashboard for RabbitMQ understands our spans."""
    with telemetry.publishing("demo.events", count=100):
        telemetry.annotate({"sixfold.position": 7})

    span = only(recorded)
    assert (span["name"], span["kind"]) == ("publish demo.events", "producer")
    assert span["attributes"]["messaging.operation.type"] == "send"
    assert span["attributes"]["messaging.batch.message_count"] == 100
    assert span["attributes"]["sixfold.position"] == 7


def test_a_failure_marks_its_span_without_the_message(recorded: InMemory) -> None:
    """A trace shows where it broke, and never whom an error message named."""
    with pytest.raises(ValueError, match="Ada"), telemetry.span("work"):
        raise ValueError("Ada is not 18")

    span = only(recorded)
    assert (span["status"], span["attributes"]) == ("error", {"error.type": "ValueError"})
    assert "Ada" not in json.dumps(span)


def test_a_refusal_is_an_answer_and_no_failure(recorded: InMemory) -> None:
    """A rule that says no raises no alarm."""
    with pytest.raises(Rejected), telemetry.span("work"):
        raise Rejected

    assert only(recorded)["status"] == "unset"


@pytest.mark.parametrize("name", ["person.email", "handle", "http.request.body", "db.statement"])
def test_an_unlisted_attribute_is_refused_while_developing(recorded: InMemory, name: str) -> None:
    """Whoever adds a personal attribute sees the test fail."""
    with pytest.raises(AttributeRefused, match=name), telemetry.span("w", attributes={name: "x"}):
        pass

    assert recorded.spans() == []


def test_in_production_an_unlisted_attribute_is_dropped_and_counted() -> None:
    """A slip costs an operator an attribute, not an outage, and can be seen."""
    with recorded_telemetry(strict=False) as recorded:
        with telemetry.span("work", attributes={"handle": "@ada", "sixfold.lane": 3}):
            telemetry.annotate({"phone": "1"})

        assert only(recorded)["attributes"] == {"sixfold.lane": 3}
        ((_, dropped),) = recorded.measurements()["sixfold.telemetry.dropped"]
        assert dropped.value == 2


def test_a_listed_attribute_is_redacted_and_cut(recorded: InMemory) -> None:
    """A password in a broker's address does not slip out in an allowed attribute."""
    attributes = {"server.address": "amqp://app:hunter2@mq", "sixfold.command": "x" * 999}
    with telemetry.span("work", attributes=attributes):
        pass

    shown = only(recorded)["attributes"]
    assert shown["server.address"] == "amqp://***@mq"
    assert len(shown["sixfold.command"]) == 256


def test_no_service_may_allow_a_personal_attribute() -> None:
    """The list cannot be widened to a name that is known to be personal."""
    with pytest.raises(AttributeRefused):
        Guard(extra=frozenset({"sixfold.email"}))


def test_a_service_may_allow_attributes_of_its_own() -> None:
    """A service's own opaque facts can be traced."""
    allowed = Guard(extra=frozenset({"sixfold.tier"}))

    assert allowed.span({"sixfold.tier": "gold", "sixfold.lane": None}) == {"sixfold.tier": "gold"}


def test_a_spawned_greenthread_keeps_the_trace(recorded: InMemory) -> None:
    """Work in the background does not fall out of its request's trace."""

    def work() -> str | None:
        eventlet.sleep(0)  # another greenthread runs meanwhile, inside the same bound context
        with telemetry.span("background"):
            eventlet.sleep(0)
            return telemetry.current_trace_id()

    with telemetry.span("request"):
        bound, expected = telemetry.bound_context(work), telemetry.current_trace_id()
    spawned = [eventlet.spawn(bound) for _ in range(3)]

    assert [thread.wait() for thread in spawned] == [expected] * 3
    assert eventlet.spawn(work).wait() != expected
    assert telemetry.current_traceparent() is None
    assert len(recorded.spans()) == 5


@pytest.mark.usefixtures("recorded")
def test_a_thread_keeps_the_trace() -> None:
    """Work in a thread pool belongs to the trace that started it."""
    with telemetry.span("request"), ThreadPoolExecutor(1) as pool:
        inside = pool.submit(telemetry.bound_context(telemetry.current_trace_id)).result()
        outside = pool.submit(telemetry.current_trace_id).result()

        assert (inside, outside) == (telemetry.current_trace_id(), None)


def test_spans_of_several_writers_end_up_whole_in_one_file(tmp_path: Path) -> None:
    """The demo can open any fact's trace although each process writes by itself."""
    path = tmp_path / "run" / "spans.jsonl"
    running = setup.start(settings(span_file=path), "worker")
    threads = [threading.Thread(target=_spans, args=(50,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with telemetry.span("mine", attributes={"sixfold.stream": "thing-1"}):
        trace_id = telemetry.current_trace_id()
    running.stop()

    assert len(list(read_spans(path))) == 201
    (mine,) = read_spans(path, trace_id)
    assert (mine["name"], mine["service"]) == ("mine", "demo")
    assert mine["attributes"] == {"sixfold.stream": "thing-1"}


def test_a_line_still_being_written_is_left_out(tmp_path: Path) -> None:
    """Looking at a running demo never fails."""
    path = tmp_path / "spans.jsonl"
    assert list(read_spans(path)) == []
    path.write_text('{"trace_id": "a"}\n{"trace_id": "b')

    assert list(read_spans(path)) == [{"trace_id": "a"}]


def test_a_collector_gets_spans_and_metrics_over_http() -> None:
    """An operator's collector receives what the process did, at the latest when it stops."""
    received: dict[str, bytes] = {}

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        running = setup.start(settings(otel_exporter_otlp_endpoint=endpoint), "worker")
        with telemetry.span("collected"):
            metrics.record(metrics.APPENDED)
        running.stop()
        server.shutdown()

    assert b"collected" in received["/v1/traces"]
    assert b"sixfold.log.appended" in received["/v1/metrics"]


def _spans(count: int) -> None:
    for _ in range(count):
        with telemetry.span("work"):
            pass
