"""A platform to answer on when no real one can be reached: it keeps what it is sent, and fails.

Run it with ``python -m listening.channel_simulator 8091``.  ``POST /v1/faults`` makes it fail
the next replies of a platform, or close the platform's conversations.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cheroot.wsgi import Server
from werkzeug import Request, Response

_LARGEST = 1 << 16


@dataclass(slots=True)
class Platforms:
    """What the simulated platforms were told, and how they are to misbehave.

    Args:
        published: Replies by their key.
        failing: How often the next reply of a platform is still to fail, and after what: the
            reply is published all the same, as when an answer is lost on its way.
        closed: Platforms that take no reply any more.
    """

    published: dict[str, dict[str, str]] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    losing: Counter[str] = field(default_factory=Counter)
    closed: set[str] = field(default_factory=set)

    def publish(self, key: str, message: dict[str, str]) -> Response:
        """Take one reply, or misbehave."""
        platform = message.get("platform", "")
        self.attempts[key] += 1
        if platform in self.closed:
            return _json({"error": "closed"}, status=410)
        if self.failing[platform] > 0:
            self.failing[platform] -= 1
            return _json({"error": "try again"}, status=503)
        reply_id = f"{platform}-{len(self.published) + 1}"
        taken = self.published.setdefault(key, {**message, "reply_id": reply_id})
        if self.losing[platform] > 0:
            self.losing[platform] -= 1
            return _json({"error": "the answer was lost"}, status=504)
        return _json({"reply_id": taken["reply_id"]}, status=201)

    def misbehave(self, wanted: dict[str, Any]) -> Response:
        """Fail, lose answers or close, as told."""
        platform, times = str(wanted.get("platform", "")), int(wanted.get("times", 1))
        match wanted.get("fault"):
            case "fail":
                self.failing[platform] = times
            case "lose_answer":
                self.losing[platform] = times
            case "close":
                self.closed.add(platform)
            case "open":
                self.closed.discard(platform)
            case _:
                return _json({"error": "unknown fault"}, status=400)
        return _json({}, status=200)


class ChannelSimulator:
    """The simulated platforms as a WSGI application."""

    def __init__(self) -> None:
        self.platforms = Platforms()

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Answer one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        request.max_content_length = _LARGEST
        match request.method, request.path:
            case "GET", "/v1/messages":
                return _json(list(self.platforms.published.values()), status=200)
            case "POST", "/v1/messages":
                key = request.headers.get("Idempotency-Key", "")
                return self.platforms.publish(key, request.get_json())
            case "POST", "/v1/faults":
                return self.platforms.misbehave(request.get_json())
            case _:
                return _json({"error": "not found"}, status=404)


def server(app: ChannelSimulator, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Return a server for a simulator that listens already; ``serve`` it, then ``stop`` it."""
    made = Server((host, port), app, numthreads=2, server_name="channel-simulator")
    made.prepare()
    return made


def main() -> None:
    """Serve until interrupted."""
    running = server(ChannelSimulator(), port=int(sys.argv[1]))
    try:
        running.serve()
    finally:
        running.stop()


def _json(body: Any, *, status: int) -> Response:
    text = json.dumps(body, ensure_ascii=False)
    return Response(text, status=status, content_type="application/json")


if __name__ == "__main__":
    main()
