"""How calls to other services and to the outside go, by who is called and never by address."""

import time
from collections.abc import Callable
from typing import Literal

import httpx

from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare

Peer = Literal["feed", "issuer", "payments", "fulfilment", "sms", "channel"]
OUTBOUND_SECONDS = declare(
    Metric(
        name="sixfold.outbound.duration",
        kind="histogram",
        unit="s",
        description="How long a call took: answered, refused, failed or unreachable",
        labels=frozenset({"peer", "outcome"}),
    )
)
_REFUSED, _FAILED, _TOO_MANY = 400, 500, 429


def measured(peer: Peer, call: Callable[[], httpx.Response]) -> httpx.Response:
    """Make a call and record how it went; what it raises is raised."""
    started, outcome = time.perf_counter(), "unreachable"
    try:
        answer = call()
        outcome = _outcome(answer.status_code)
        return answer
    finally:
        took = time.perf_counter() - started
        metrics.record(OUTBOUND_SECONDS, took, peer=peer, outcome=outcome)


def _outcome(status: int) -> str:
    if status >= _FAILED or status == _TOO_MANY:
        return "failed"
    return "refused" if status >= _REFUSED else "answered"
