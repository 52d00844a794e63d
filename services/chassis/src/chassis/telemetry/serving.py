"""How fast HTTP is answered, and with what, by the route's template and never by the path."""

from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare

REQUEST_SECONDS = declare(
    Metric(
        name="http.server.request.duration",
        kind="histogram",
        unit="s",
        description="How long a request took until its answer began",
        labels=frozenset({"http.request.method", "http.route", "http.response.status_code"}),
    )
)
UNKNOWN_ROUTE = "unknown"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Record one answer; what clients make up is put under one name."""
    labels = {
        "http.request.method": method if method in _METHODS else "_OTHER",
        "http.route": route,
        "http.response.status_code": str(status),
    }
    metrics.record(REQUEST_SECONDS, seconds, **labels)
