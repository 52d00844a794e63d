"""A collector of telemetry over OTLP/HTTP that keeps what it is sent, as it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True, slots=True)
class Collector:
    """What arrived: the raw bodies by path; their texts stand in them in the clear."""

    url: str
    bodies: dict[str, list[bytes]] = field(default_factory=dict)

    def received(self, path: str) -> bytes:
        """Return everything that was sent to a path."""
        return b"\n".join(self.bodies.get(path, ()))


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
