"""A stand-in for an SMS operator: takes messages over HTTP and shows them as phones would.

``python -m identity.sms_simulator 8090`` keeps the last messages in memory; a message whose
Idempotency-Key came before is taken, and kept once.
"""

import json
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any

from cheroot.wsgi import Server
from werkzeug import Request, Response
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound

KEPT = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """A text as it arrived at a phone."""

    to: str
    text: str


@dataclass(kw_only=True)
class Operator:
    """Every phone of the simulated world."""

    messages: deque[tuple[str | None, Message]] = field(default_factory=lambda: deque(maxlen=KEPT))
    lock: Lock = field(default_factory=Lock)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request."""
        try:
            response = self._answer(Request(environ))
        except HTTPException as error:
            response = _json({"error": error.name}, error.code or 500)
        return response(environ, start_response)

    def arrived(self, to: str | None) -> list[Message]:
        """Return the messages of one phone, or of all, the oldest first."""
        with self.lock:
            return [message for _, message in self.messages if to in (None, message.to)]

    def _answer(self, request: Request) -> Response:
        if request.path != "/messages":
            raise NotFound
        if request.method == "GET":
            found = self.arrived(request.args.get("to"))
            return _json([asdict(message) for message in found])
        if request.method == "POST":
            self._take(request.headers.get("Idempotency-Key"), _message(request))
            return _json({"status": "sent"}, 202)
        raise MethodNotAllowed(valid_methods=["GET", "POST"])

    def _take(self, key: str | None, message: Message) -> None:
        with self.lock:
            if key is None or all(key != known for known, _ in self.messages):
                self.messages.append((key, message))


def serve(host: str, port: int) -> Server:
    """Return a prepared server on a free port where ``port`` is 0; ``serve()`` runs it."""
    server = Server((host, port), Operator(), numthreads=4, server_name="sms-simulator")
    server.prepare()
    return server


def main(arguments: list[str]) -> None:
    """Serve until interrupted, on the port that is given."""
    server = serve("127.0.0.1", int(arguments[0]) if arguments else 8090)
    try:
        server.serve()
    except KeyboardInterrupt:
        server.stop()


def _message(request: Request) -> Message:
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or set(body) != {"to", "text"}:
        raise BadRequest
    if not all(isinstance(value, str) and value for value in body.values()):
        raise BadRequest
    return Message(**body)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")


if __name__ == "__main__":
    main(sys.argv[1:])
