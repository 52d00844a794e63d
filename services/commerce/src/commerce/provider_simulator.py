"""A payment provider to try commerce with: real HTTP, real signatures, every kind of trouble.

``python -m commerce.provider_simulator`` serves it; ``provider_scenarios`` says how it answers.
"""

import json
import re
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import httpx
from cheroot import wsgi
from environs import FileAwareEnv
from werkzeug import Request, Response

from chassis import schemas
from chassis.callbacks import SIGNATURE_HEADER, sign
from chassis.clock import Clock, SystemClock, clock_from
from chassis.errors import Invalid
from commerce.messages import ProviderCallback
from commerce.provider_scenarios import Demand, News, Operation, news_of
from commerce.settings import callback_secret, deployment_secret

Send = Callable[[str, bytes, Mapping[str, str]], int]
POLL_SECONDS = 0.02
CALLERS = 4
_PATH = re.compile(r"/payments/([0-9a-f-]{36})/(authorise|capture|void|refund)", re.ASCII)
_ECHOED = ("traceparent", "X-Correlation-Id")
_AGAIN = frozenset({409, 429})
_SERVER_ERROR = 500


class ProviderSimulator:
    """The provider's side of every payment: what it was asked, what it has still to say.

    Args:
        secret: The deployment's secret; merchants' callback keys derive from it.
        clock: Tells when a payment has expired.
        send: Delivers a callback and returns the status that it was answered with.
        journal: Keeps what happened, so that a restart forgets nothing.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        clock: Clock,
        send: Send | None = None,
        journal: Path | None = None,
    ) -> None:
        self._secret = secret
        self._clock = clock
        self._wall = SystemClock()
        self._send = send or _over_http(httpx.Client(timeout=10.0))
        self._lock = threading.Lock()
        self._callers = ThreadPoolExecutor(CALLERS)
        self._methods: dict[UUID, str] = {}
        self._keys: set[str] = set()
        self._untold: dict[str, tuple[News, Mapping[str, str]]] = {}
        self._journal = journal
        for line in journal.read_text().splitlines() if journal and journal.exists() else ():
            self._replay(json.loads(line))

    def wsgi(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one HTTP request."""
        return self._answer(Request(environ))(environ, start_response)

    def step(self) -> int:
        """Tell what is due; returns how much was told."""
        with self._lock:
            due = [
                entry
                for entry in self._untold.values()
                if entry[0].due_at is None or entry[0].due_at <= self._clock.now()
            ]
        by_payment: dict[UUID, list[tuple[News, Mapping[str, str]]]] = defaultdict(list)
        for news, headers in due:
            by_payment[news.payment_id].append((news, headers))
        return sum(self._callers.map(self._tell_all, by_payment.values()))

    @property
    def untold(self) -> int:
        """How many pieces of news wait, also those that aren't due yet."""
        return len(self._untold)

    def _answer(self, request: Request) -> Response:
        if request.path == "/healthz":
            return Response("ok")
        asked = _PATH.fullmatch(request.path)
        key = request.headers.get("Idempotency-Key", "")
        if asked is None or request.method != "POST":
            return Response("no such operation", status=404)
        try:
            demand = schemas.load(Demand, request.get_json(silent=True))
        except Invalid as error:
            return Response(json.dumps(error.problems, default=str), status=400)
        echoed = {name: request.headers[name] for name in _ECHOED if name in request.headers}
        return self._taken(UUID(asked[1]), cast("Operation", asked[2]), demand, key, echoed)

    def _taken(
        self,
        payment_id: UUID,
        operation: Operation,
        demand: Demand,
        key: str,
        echoed: Mapping[str, str],
    ) -> Response:
        with self._lock:
            if operation != "authorise" and payment_id not in self._methods:
                return Response("no such payment", status=404)
            asked = {
                "payment_id": str(payment_id),
                "operation": operation,
                "demand": schemas.dump(demand),
                "key": key,
                "echoed": dict(echoed),
            }
            if self._replay(asked):
                self._note(asked)
        return Response(status=202)

    def _replay(self, noted: Mapping[str, Any]) -> bool:
        """Take one entry of the journal, or a new request; say whether it was news."""
        if "told" in noted:
            self._untold.pop(noted["told"], None)
            return False
        if noted["key"] in self._keys:
            return False
        self._keys.add(noted["key"])
        payment_id, demand = UUID(noted["payment_id"]), schemas.load(Demand, noted["demand"])
        method = self._methods.setdefault(payment_id, demand.method)
        if noted["operation"] == "void":
            self._keep_quiet(payment_id)
        new = news_of(
            noted["operation"], demand, payment_id=payment_id, method=method, key=noted["key"]
        )
        self._untold.update({news.callback_id: (news, noted["echoed"]) for news in new})
        return True

    def _keep_quiet(self, payment_id: UUID) -> None:
        """Drop what was still to be said about a payment that is not wanted any more."""
        dropped = [key for key, entry in self._untold.items() if entry[0].payment_id == payment_id]
        for key in dropped:
            del self._untold[key]

    def _tell_all(self, due: Iterable[tuple[News, Mapping[str, str]]]) -> int:
        return sum(self._told(news, headers) for news, headers in due)

    def _told(self, news: News, echoed: Mapping[str, str]) -> int:
        heard = all(self._deliver(news, echoed) for _ in range(news.times))
        if heard:
            with self._lock:
                self._untold.pop(news.callback_id, None)
                self._note({"told": news.callback_id})
        return int(heard)

    def _deliver(self, news: News, echoed: Mapping[str, str]) -> bool:
        now = self._wall.now()
        url, merchant = news.demand.callback_url, news.demand.merchant
        body = json.dumps(schemas.dump(_callback(news, now))).encode()
        signature = sign(
            callback_secret(self._secret, merchant), at=now, path=urlsplit(url).path, body=body
        )
        status = self._send(url, body, {**echoed, SIGNATURE_HEADER: signature})
        return status < _SERVER_ERROR and status not in _AGAIN

    def _note(self, entry: Mapping[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a") as file:
                file.write(json.dumps(entry) + "\n")


class ProviderServer:
    """The simulator behind a socket, with a thread that tells its news.

    Args:
        simulator: What to serve.
        port: 0 for any that is free.
    """

    def __init__(
        self, simulator: ProviderSimulator, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self._simulator = simulator
        self._server = wsgi.Server((host, port), simulator.wsgi)
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._server.serve, name="provider", daemon=True),
            threading.Thread(target=self._tell, name="provider-callbacks", daemon=True),
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


def main() -> None:
    """Serve until a signal comes."""
    env = FileAwareEnv(strip_whitespace=True)
    clock_file, journal = env.str("CLOCK_FILE", ""), env.str("PAYMENT_PROVIDER_JOURNAL", "")
    simulator = ProviderSimulator(
        secret=deployment_secret(),
        clock=clock_from(Path(clock_file) if clock_file else None),
        journal=Path(journal) if journal else None,
    )
    server = ProviderServer(simulator, port=env.int("PAYMENT_PROVIDER_PORT", 8090))
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    server.start()
    stopped.wait()
    server.stop()


def _callback(news: News, sent_at: Any) -> ProviderCallback:
    return ProviderCallback(
        callback_id=news.callback_id,
        payment_id=news.payment_id,
        kind=news.kind,
        amount=news.demand.amount,
        reason="card_declined" if news.kind in {"declined", "capture_failed"} else None,
        refund_id=news.demand.refund_id,
        sent_at=sent_at,
    )


def _over_http(client: httpx.Client) -> Send:
    def send(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        sent = {**headers, "Content-Type": "application/json"}
        try:
            return client.post(url, content=body, headers=sent).status_code
        except httpx.TransportError:
            return 503

    return send


if __name__ == "__main__":
    main()
