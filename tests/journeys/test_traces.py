"""One trace across processes, and nothing personal or secret in what operators see."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from chassis.envelope import Recorded
from chassis.telemetry import trace_id_of
from chassis.telemetry.span_file import read_spans
from installation import Installation, eventually
from leaks import personal, secrets, seen
from sixfold.following_up import ANSWER
from sixfold.shop import TENANT
from sixfold.stack import SCOPES

pytestmark = [pytest.mark.journey, pytest.mark.servers]

SAGA = {
    "order_placed", "stock_reserved", "payment_initiated", "payment_authorized",
    "payment_captured", "order_confirmed", "fulfilment_requested",
}  # fmt: skip


def of_trace(installation: Installation, service: str, trace_id: str | None) -> list[Recorded]:
    return [one for one in installation.log(service) if trace_id_of(one.traceparent) == trace_id]


def spans_of(installation: Installation, trace_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the spans of a trace by the process that wrote them."""
    folder = installation.stack.addresses.spans
    found = {path.stem: list(read_spans(path, trace_id)) for path in folder.iterdir()}
    return {process: spans for process, spans in found.items() if spans}


def roots_of(spans: dict[str, list[dict[str, Any]]]) -> list[str]:
    """Return the names of the spans whose parent is not among them."""
    every = [span for written in spans.values() for span in written]
    known = {span["span_id"] for span in every}
    return [span["name"] for span in every if span["parent_id"] not in known]


def test_an_order_is_one_trace_from_the_click_to_the_loops_fact(installation: Installation) -> None:
    """Whoever looks for why an order hangs would have to guess which calls belong to it."""
    order_id = installation.order()

    def fulfilling() -> list[Recorded]:
        return [
            one
            for one in installation.log("commerce")
            if one.type == "fulfilment_requested" and order_id in one.stream
        ]

    (asked,) = eventually(fulfilling, "the warehouse is asked")
    installation.settle()
    trace_id = trace_id_of(asked.traceparent)
    assert trace_id
    mine = of_trace(installation, "commerce", trace_id)
    assert {one.type for one in mine} >= SAGA
    spans = spans_of(installation, trace_id)
    assert {"commerce.worker", "commerce.relay", "campaigns.worker", "loop"} <= set(spans)
    facts = {
        span["attributes"].get("sixfold.event_id")
        for span in spans["loop"]
        if span["name"] == "process loop.on.commerce"
    }
    assert str(asked.id) in facts
    assert roots_of(spans) == ["POST /v1/orders"]


def test_a_mention_its_case_and_the_reply_are_one_trace(installation: Installation) -> None:
    """An answer could not be followed back to the words that it answers."""
    taken = installation.mention("燈籠茶幾時有新貨?")
    (conversation,) = taken["conversations"]

    def opened() -> list[Recorded]:
        return [
            one
            for one in installation.log("listening")
            if one.type == "case_opened" and conversation["case_id"] in one.stream
        ]

    (case,) = eventually(opened, "the case is open")
    (persona, *_) = installation.clients["listening"].get("/v1/personas")
    # The colleague's desk shows the case and goes on in its trace, as W3C Trace Context asks.
    answer = httpx.post(
        f"{installation.stack.addresses.urls['listening']}/v1/cases/{conversation['case_id']}/replies",
        json={"text": ANSWER, "persona_id": persona["persona_id"]},
        headers={
            "Authorization": f"Bearer {installation.stack.token(TENANT, 'desk', SCOPES)}",
            "Idempotency-Key": str(uuid4()),
            "traceparent": str(case.traceparent),
        },
        timeout=30,
    )
    assert answer.is_success, answer.text
    trace_id = trace_id_of(case.traceparent)
    assert trace_id
    chain = {"mention_detected", "mention_classified", "case_opened", "reply_drafted", "reply_sent",
             "case_resolved"}  # fmt: skip
    eventually(
        lambda: {one.type for one in of_trace(installation, "listening", trace_id)} >= chain,
        "the reply went out in the same trace",
    )
    installation.settle()
    spans = spans_of(installation, trace_id)
    assert {"listening.worker", "listening.relay", "identity.worker", "loop"} <= set(spans)
    assert roots_of(spans) == ["POST /v1/mentions"]


def test_neither_spans_nor_logs_nor_metrics_hold_anything_personal_or_secret(
    installation: Installation,
) -> None:
    """Who may read telemetry could read the customers, or become one of the services."""
    installation.settle()
    metrics, traces = (
        eventually(lambda path=path: installation.collector.received(path), f"{path} arrives")
        for path in ("/v1/metrics", "/v1/traces")
    )
    assert b"sixfold" in metrics
    folder = installation.stack.directory
    places = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in (*folder.glob("spans/*"), *folder.glob("logs/*/server.log"))
    }
    places |= {"metrics": metrics, "traces": traces}
    assert len(places) > len(installation.stack.parts) * 2
    values = {*personal(installation), *secrets(installation)}
    assert len(values) > 100
    found = {place: leaked for place, text in places.items() if (leaked := seen(values, text))}
    assert found == {}
