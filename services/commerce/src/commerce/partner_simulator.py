"""What every simulated partner does alike, over real HTTP; each says for itself what it answers.

It takes each request once, by its key, tells its news in signed callbacks when they are due
until they are heard, and forgets nothing when it is restarted.
"""

import json
import re
import signal
import threading
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from cheroot import wsgi
from environs import FileAwareEnv
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, abort

from chassis import schemas
from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import Clock, SystemClock
from chassis.errors import Invalid

Send = Callable[[str, bytes, Mapping[str, str]], int]
POLL_SECONDS = 0.02
CALLERS = 4
_AGAIN = frozenset({409, 429})
_SERVER_ERROR = 500
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Saying:
    """One piece of news that is to be told.

    Args:
        about: What it is about; news about the same thing is told one after the other.
        url: Who wants to hear it.
        key: What it is signed with.
        write: Puts it into words at the moment it is told.
        due: Not before this moment of the partner's clock, in seconds since 1970.
        times: How often it is told.
        headers: What goes with it.
    """

    callback_id: str
    about: UUID
    url: str
    key: bytes
    write: Callable[[datetime], object]
    due: float = 0.0
    times: int = 1
    headers: Mapping[str, str] = field(default_factory=dict)


class PartnerSimulator(ABC):
    """What a partner was asked, and what it has still to say.

    A partner calls ``recall`` at the end of its own ``__init__``: the journal's entries go
    through ``heard``, which needs all that the partner keeps.

    Args:
        clock: The time of the business.
        send: Delivers a callback and returns the status that it was answered with.
        journal: Keeps what happened, so that a restart forgets nothing.
    """

    def __init__(self, *, clock: Clock, send: Send | None, journal: Path | None) -> None:
        self._clock = clock
        self._wall = SystemClock()
        self._send = send or over_http(httpx.Client(timeout=10.0))
        self._lock = threading.Lock()
        self._callers = ThreadPoolExecutor(CALLERS)
        self._keys: set[str] = set()
        self._untold: dict[str, Saying] = {}
        self._journal = journal

    @abstractmethod
    def answer(self, request: Request) -> Response:
        """Answer a request."""

    @abstractmethod
    def heard(self, entry: Mapping[str, Any]) -> Sequence[Saying] | None:
        """Return what is to be told because of an entry; None if it changes nothing."""

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one HTTP request."""
        request = Request(environ)
        try:
            alive = request.path == "/healthz"
            response = Response("ok") if alive else self.answer(request)
        except HTTPException as refusal:
            return refusal(environ, start_response)
        return response(environ, start_response)

    def step(self) -> int:
        """Tell what is due; returns how much was told."""
        now = self._clock.now().timestamp()
        due: dict[UUID, list[Saying]] = defaultdict(list)
        with self._lock:
            for saying in self._untold.values():
                if saying.due <= now:
                    due[saying.about].append(saying)
        return sum(self._callers.map(self._tell, due.values()))

    @property
    def untold(self) -> int:
        """How many pieces of news wait, also those that aren't due yet."""
        return len(self._untold)

    def recall(self) -> None:
        """Take again what the journal says."""
        journal = self._journal
        for line in journal.read_text().splitlines() if journal and journal.exists() else ():
            self._changes(json.loads(line))

    def take(self, entry: Mapping[str, Any]) -> bool:
        """Let something happen, and write it down; say whether it was news.

        What has happened already does nothing.
        """
        with self._lock:
            fresh = self._changes(entry)
            if fresh:
                self._note(entry)
        return fresh

    def silence(self, about: UUID) -> None:
        """Drop what was still to be said about something that is not wanted any more."""
        self._untold = {
            callback_id: saying
            for callback_id, saying in self._untold.items()
            if saying.about != about
        }

    def _changes(self, entry: Mapping[str, Any]) -> bool:
        """Take one entry of the journal, or a new one; say whether it was news."""
        if "told" in entry:
            self._untold.pop(entry["told"], None)
            return False
        if entry.get("key") in self._keys:
            return False
        sayings = self.heard(entry)
        if sayings is None:
            return False
        if "key" in entry:
            self._keys.add(entry["key"])
        self._untold.update((saying.callback_id, saying) for saying in sayings)
        return True

    def _tell(self, sayings: Iterable[Saying]) -> int:
        return sum(self._told(saying) for saying in sayings)

    def _told(self, saying: Saying) -> int:
        heard = all(self._deliver(saying) for _ in range(saying.times))
        if heard:
            with self._lock:
                self._untold.pop(saying.callback_id, None)
                self._note({"told": saying.callback_id})
        return int(heard)

    def _deliver(self, saying: Saying) -> bool:
        now = self._wall.now()
        body = schemas.dump(saying.write(now))
        headers = saying.headers
        status = deliver(self._send, saying.url, body, key=saying.key, at=now, headers=headers)
        return not repeated(status)

    def _note(self, entry: Mapping[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(json.dumps(entry) + "\n")


class PartnerServer:
    """A simulator behind a socket, with a thread that tells its news.

    Args:
        simulator: What to serve.
        port: 0 for any that is free.
    """

    def __init__(
        self, simulator: PartnerSimulator, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._simulator = simulator
        self._server = wsgi.Server((host, port), simulator.wsgi)
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve, name="partner", daemon=True),
            threading.Thread(target=self._tell, name="partner-callbacks", daemon=True),
        ]

    @property
    def url(self) -> str:
        """Where it is, once it has started."""
        host, port = self._server.bind_addr
        return f"http://{host}:{port}"

    def start(self) -> None:
        """Open the socket and begin."""
        self._server.prepare()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the socket; what is untold stays in the journal."""
        self._stopped.set()
        self._server.stop()
        for thread in self._threads:
            thread.join(timeout=10)

    def _tell(self) -> None:
        while not self._stopped.is_set():
            if not self._simulator.step():
                self._stopped.wait(POLL_SECONDS)


def serve(simulator: PartnerSimulator, *, port: int) -> None:
    """Serve a partner until a signal comes."""
    server = PartnerServer(simulator, port=port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server.start()
    stopped.wait()
    server.stop()


def file_named(variable: str) -> Path | None:
    """Return the file that a variable of the environment names; None where it's empty."""
    named = FileAwareEnv(strip_whitespace=True).str(variable, "")
    return Path(named) if named else None


def operation(request: Request, paths: re.Pattern[str]) -> re.Match[str]:
    """Return which of a partner's operations is asked for; refuse anything else."""
    asked = paths.fullmatch(request.path)
    if asked is None or request.method != "POST":
        abort(Response("no such operation", status=404))
    return asked


def wanted(request: Request, shape: type[T]) -> T:
    """Return what a request carries; refuse what has another shape."""
    try:
        return schemas.load(shape, request.get_json(silent=True))
    except Invalid as error:
        abort(Response(json.dumps(error.problems, default=str), status=400))


def key_of(request: Request) -> str:
    """Return the key by which a request is known when it's repeated."""
    return request.headers.get("Idempotency-Key", "")


def deliver(
    send: Send,
    url: str,
    body: object,
    *,
    key: bytes,
    at: datetime,
    headers: Mapping[str, str] | None = None,
) -> int:
    """Send a signed message; returns the status that it was answered with."""
    raw = json.dumps(body).encode()
    signature = sign(key, at=at, path=urlsplit(url).path, body=raw)
    return send(url, raw, {**(headers or {}), SIGNATURE_HEADER: signature})


def repeated(status: int) -> bool:
    """Say whether what was answered so is to be told again."""
    return status >= _SERVER_ERROR or status in _AGAIN


def over_http(client: httpx.Client) -> Send:
    """Return what delivers callbacks to where they are wanted."""

    def send(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        sent = {**headers, "Content-Type": "application/json"}
        try:
            return client.post(url, content=body, headers=sent).status_code
        except httpx.TransportError:
            return 503

    return send
