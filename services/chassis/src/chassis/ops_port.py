"""The port for those who run Sixfold: three probes and the metrics, apart from everything else.

It is answered by real threads with real sockets.  In a process that eventlet has patched they
neither hold the hub up nor are held up by it, so that a hub that hangs can be seen from outside.
"""

import importlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeVar
from urllib.parse import parse_qs

from chassis.errands import Errands
from chassis.health import Answer, Check, NotReady, UnknownCheck, readiness, without
from chassis.settings import Settings
from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare

HOLDS = declare(
    Metric(
        name="sixfold.check.holds",
        kind="gauge",
        unit="{check}",
        description="1 where a condition of being ready held when it was last looked at",
        labels=frozenset({"check"}),
    )
)
T = TypeVar("T")
Start = Callable[[Callable[[], None]], Any]

BEAT_SECONDS = 0.2
HUNG_SECONDS = 20.0  # a main loop that was silent for so long will not come back
ANSWER_SECONDS = 8.0
LOOK_SECONDS = 10.0  # a scraper looks anew where no orchestrator has for so long
_CLIENT_SECONDS = 5.0
_THREADS = 4  # more at a time wait; nobody but the orchestrator and Prometheus asks
TEXT = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    status: int
    kind: str
    body: bytes


@dataclass(kw_only=True, slots=True)
class OpsPort:
    """What a process says about itself; nothing is served where no port was set.

    Args:
        ready: What must hold before others may count on this process.
        alive: What must hold for it not to be started anew; never broker or database.
        exposed: Returns the metrics in Prometheus' text format.
        hung_seconds: After how long a silent main loop counts as hung.
        now: A clock that only goes forward.
        started: Whether everything has been started.
    """

    ready: Sequence[Check]
    alive: Sequence[Check]
    exposed: Callable[[], bytes]
    hung_seconds: float = HUNG_SECONDS
    now: Callable[[], float] = time.monotonic
    started: bool = False
    port: int | None = None
    _beaten: float | None = None
    _looked: float | None = None
    _errands: Errands | None = None
    _listening: Any = None
    _pages: dict[str, Callable[[Sequence[str]], _Page]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the four pages."""
        self._pages = {
            "/metrics": self._exposition,
            "/startupz": self._startup,
            "/readyz": self._readiness,
            "/livez": self._liveness,
        }

    def beat(self) -> None:
        """Say that the main loop turns; to be called several times a second."""
        self._beaten = self.now()

    def attend(self, start: Start, sleep: Callable[[float], Any]) -> None:
        """Beat for ever, and have the hub do what the port's threads ask of it.

        Args:
            start: Starts a function in a greenthread.
            sleep: Lets the others work for some seconds.
        """
        while True:
            self.beat()
            if self._errands is not None:
                self._errands.run_waiting(start)
            sleep(BEAT_SECONDS)

    def page(self, path: str) -> _Page:
        """Return the answer to a request; whatever fails is an answer too."""
        path, _, query = path.partition("?")
        found = self._pages.get(path)
        if found is None:
            return _Page(status=404, kind=_JSON, body=b"{}")
        try:
            return found(parse_qs(query).get("exclude", ()))
        except UnknownCheck as mistake:
            return _told([Answer(name="exclude", problem=str(mistake))], refused=400)
        except NotReady as problem:
            return _told([Answer(name="answers", problem=str(problem))])
        except Exception as error:  # noqa: BLE001 -- its text might quote an address with a password
            return _told([Answer(name="answers", problem=f"failed: {type(error).__name__}")])

    def close(self) -> None:
        """Take no more requests."""
        if self._listening is not None:
            self._listening.close()

    def _exposition(self, _: Sequence[str]) -> _Page:
        return _Page(status=200, kind=TEXT, body=self._asked(self._measured))

    def _startup(self, _: Sequence[str]) -> _Page:
        return _told([Answer(name="started", problem=None if self.started else "still starting")])

    def _readiness(self, excluded: Sequence[str]) -> _Page:
        return _told(self._asked(partial(self._look, excluded)))

    def _liveness(self, _: Sequence[str]) -> _Page:
        return _told(readiness([self._main_loop_turns(), *self.alive])[1])

    def _measured(self) -> bytes:
        if self._looked is None or self.now() - self._looked > LOOK_SECONDS:
            self._look()
        return self.exposed()

    def _look(self, excluded: Sequence[str] = ()) -> Sequence[Answer]:
        checks = without([self._is_started(), *self.ready], excluded)
        if not excluded:  # or a probe that leaves checks out would keep their gauges as they were
            self._looked = self.now()
        _, answers = readiness(checks)
        for answer in answers:
            metrics.record(HOLDS, int(answer.problem is None), check=answer.name)
        return answers

    def _asked(self, work: Callable[[], T]) -> T:
        return work() if self._errands is None else self._errands.ask(work)

    def _is_started(self) -> Check:
        def probe() -> None:
            if not self.started:
                raise NotReady("still starting")

        return Check(name="started", probe=probe)

    def _main_loop_turns(self) -> Check:
        def probe() -> None:
            silent = self.now() - self._beaten if self._beaten is not None else 0
            if silent > self.hung_seconds:
                raise NotReady(f"silent for {silent:.0f} seconds")

        return Check(name="main loop turns", probe=probe)


def serve(
    settings: Settings,
    ready: Sequence[Check],
    *,
    exposed: Callable[[], bytes],
    alive: Sequence[Check] = (),
) -> OpsPort:
    """Open the ops port of a process, if its settings name one.

    Set ``started`` once everything runs, and ``beat`` from the main loop; under eventlet let a
    greenthread ``attend`` instead.

    Args:
        settings: Where to listen.
        ready: What must hold before others may count on this process.
        exposed: Returns the metrics in Prometheus' text format.
        alive: What must hold besides the main loop's beat; never broker or database.
    """
    ops = OpsPort(ready=ready, alive=alive, exposed=exposed)
    if settings.ops_port is None:
        return ops
    threading = _real("threading")
    if _patched():
        ops._errands = Errands(threading.Event, ANSWER_SECONDS)  # noqa: SLF001 -- made here only
    _listen(ops, settings.ops_host, settings.ops_port, threading)
    return ops


def _listen(ops: OpsPort, host: str, port: int, threading: Any) -> None:
    sock = _real("socket").create_server((host, port))
    ops._listening, ops.port = sock, sock.getsockname()[1]  # noqa: SLF001 -- as above

    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_SECONDS
        server_version, sys_version = "sixfold", ""

        def do_GET(self) -> None:
            page = ops.page(self.path)
            self.send_response(page.status)
            self.send_header("Content-Type", page.kind)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a log's lock may be held by a greenthread."""

    def answer() -> None:
        while True:
            try:
                connection, address = sock.accept()
            except OSError:
                return  # closed
            try:
                Handler(connection, address, None)  # type: ignore[arg-type]  # it needs no server
            except OSError:
                pass  # whoever asked has gone
            finally:
                connection.close()

    for number in range(_THREADS):
        threading.Thread(target=answer, name=f"ops {number}", daemon=True).start()


def _told(answers: Sequence[Answer], *, refused: int = 503) -> _Page:
    well = all(answer.problem is None for answer in answers)
    body = {
        "status": "ok" if well else "failing",
        "checks": [{"name": answer.name, "problem": answer.problem} for answer in answers],
    }
    return _Page(status=200 if well else refused, kind=_JSON, body=json.dumps(body).encode())


def _patched() -> bool:
    patcher = sys.modules.get("eventlet.patcher")
    return patcher is not None and bool(patcher.is_monkey_patched("socket"))


def _real(name: str) -> Any:
    """Return a module of the standard library as it was before eventlet patched it."""
    if _patched():
        return sys.modules["eventlet.patcher"].original(name)
    return importlib.import_module(name)
