"""A collector of telemetry over OTLP/HTTP that keeps the texts in what it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_MESSAGES: dict[str, Any] = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/traces": ExportTraceServiceRequest,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Collector:
    """What arrived, by path."""

    url: str
    bodies: dict[str, list[bytes]] = field(default_factory=dict)

    def received(self, path: str) -> bytes:
        """Return every text that was sent to a path, one a line.

        Ids, times and measured values are left out: in so many random bytes there is any short
        name sooner or later.
        """
        said = (text for body in self.bodies.get(path, ()) for text in texts(decoded(path, body)))
        return "\n".join(said).encode()


def decoded(path: str, body: bytes) -> Any:
    """Return the message that a body holds."""
    message = _MESSAGES[path]()
    message.ParseFromString(body)
    return message


def texts(message: Any) -> Iterator[str]:
    """Yield every text in a message, however deep."""
    for field_, value in message.ListFields():
        for one in value if field_.is_repeated else [value]:
            if field_.type == field_.TYPE_MESSAGE:
                yield from texts(one)
            elif field_.type == field_.TYPE_STRING:
                yield one


@contextmanager
def collecting() -> Iterator[Collector]:
    """Collect telemetry while the block runs."""
    bodies: dict[str, list[bytes]] = {}

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers.get("Content-Encoding") is None
            bodies.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Collector(url=f"http://127.0.0.1:{server.server_port}", bodies=bodies)
    finally:
        server.shutdown()
        server.server_close()
