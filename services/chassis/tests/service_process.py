"""Start the small services as the processes that they are in production."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self
from urllib.request import Request, urlopen

from sqlalchemy import select

from bus_service import seen
from chassis.database import Database
from chassis.feed import SCOPE
from chassis.ids import new_id
from chassis.migrations import migrate
from chassis.testing.nodes import free_ports
from chassis.testing.web import AUDIENCE, ISSUER, Tokens

DEADLINE = 120.0
PATH = (str(Path(__file__).parent), os.environ.get("PYTHONPATH", ""))
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def wait_for(condition: Callable[[], bool], what: str, seconds: float = DEADLINE) -> None:
    """Wait until something holds; fail with its name after the deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"did not happen in {seconds} s: {what}"
        time.sleep(0.05)


class Place:
    """One service's databases, settings and processes."""

    def __init__(
        self,
        name: str,
        folder: Path,
        amqp_uri: str,
        tokens: Tokens,
        *,
        feeds: str = "",
        database_url: str | None = None,
    ) -> None:
        self.name = name
        self.tokens = tokens
        self.folder = folder
        self.database = Database(database_url or f"sqlite:///{folder}/{name}.db")
        keys_url = f"sqlite:///{folder}/{name}_keys.db"
        migrate(self.database.url, name)
        migrate(keys_url, "chassis.key_store")
        (self.port,) = free_ports(1)
        service_token = tokens.bearer(SCOPE)["Authorization"].removeprefix("Bearer ")
        self.settings = {
            "SERVICE": name, "ENVIRONMENT": "test", "DATABASE_URL": self.database.url,
            "KEYS_URL": keys_url, "AMQP_URI": amqp_uri, "SECRET": KEY, "MASTER_KEY": KEY,
            "JWKS": tokens.settings.jwks, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
            "HTTP_PORT": str(self.port), "SERVICE_TOKEN": service_token, "FEEDS": feeds,
            "SPAN_FILE": str(folder / "spans.jsonl"), "RETRY_SECONDS": "0.2",
        }  # fmt: skip

    @property
    def address(self) -> str:
        """Where the worker answers."""
        return f"http://127.0.0.1:{self.port}"

    def answers(self, path: str) -> Any:
        """Return what a GET gives, None while nothing answers or it is refused."""
        headers = self.tokens.bearer("operate", SCOPE)
        try:
            with urlopen(Request(self.address + path, headers=headers), timeout=5) as answer:  # noqa: S310  # our own address
                return json.loads(answer.read())
        except OSError:
            return None

    def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Make one request that changes something."""
        headers = {
            **self.tokens.bearer("greet"),
            "Content-Type": "application/json",
            "Idempotency-Key": str(new_id()),
        }
        asked = Request(self.address + path, json.dumps(body).encode(), headers)  # noqa: S310  # as above
        with urlopen(asked, timeout=10) as answer:  # noqa: S310  # as above
            assert answer.status == 201

    def numbers(self, stream: str) -> list[int]:
        """Return what the handler wrote down, in order."""
        wanted = select(seen.c.number).where(seen.c.stream == stream).order_by(seen.c.id)
        with self.database.read() as db:
            return list(db.scalars(wanted))

    @contextmanager
    def running(self, *roles: str) -> Iterator[Sequence["Process"]]:
        """Run roles, ``worker`` and ``relay``, while the block runs."""
        processes = [Process(self, role) for role in roles]
        try:
            yield processes
        finally:
            for process in processes:
                process.kill()


class Process:
    """One process of a service."""

    def __init__(self, place: Place, role: str, **settings: str) -> None:
        self.log = place.folder / f"{place.name}-{role}-{settings.get('HTTP_PORT', '')}.log"
        self._asked = 0.0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chassis.run", role, place.name],
                env={
                    **os.environ,
                    **place.settings,
                    **settings,
                    "PYTHONPATH": os.pathsep.join(PATH),
                },
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def stop(self) -> tuple[int, float]:
        """Ask it to leave; return its exit code and how many seconds that took."""
        self.ask_to_stop()
        return self.ended()

    def ask_to_stop(self) -> None:
        """Ask it to leave."""
        self._asked = time.monotonic()
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> tuple[int, float]:
        """Wait for its end; return its exit code and how many seconds after asking that was."""
        code = self._process.wait(DEADLINE)
        return code, time.monotonic() - self._asked

    @property
    def pid(self) -> int:
        """Its number at the operating system."""
        return self._process.pid

    def freeze(self) -> None:
        """Stop it where it stands, as a paused machine does."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text()


class DeafBroker:
    """Takes connections and never says a word, as a broker that hangs does."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.uri = f"amqp://u:p@127.0.0.1:{self._listening.getsockname()[1]}/none"

    def __enter__(self) -> Self:
        """Listen."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._listening.close()
