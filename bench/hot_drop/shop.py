"""Commerce as in production: worker, relay, PostgreSQL with fsync, RabbitMQ, a payment provider."""

import base64
import json
import os
import secrets
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from chassis.clock import SharedClock
from chassis.database import Database
from chassis.dev_issuer import DevelopmentIssuer
from chassis.migrations import migrate
from chassis.progress import unsettled
from chassis.testing.nodes import Command, Node, free_ports
from chassis.testing.servers import PrivatePostgreSQL, PrivateRabbitMQ
from chassis.testing.supervisor import descendants

ISSUER, AUDIENCE, TENANT = "https://issuer.test", "sixfold", "acme"
SCOPES = ["commerce.read", "commerce.write", "operate"]
READY_SECONDS, TICK_SECONDS, REST_SECONDS = 60.0, 0.002, 0.5
LIFE = timedelta(days=2)
# Nobody is there: what other services tell has no part in this.
FEEDS = ",".join(
    f"{name}=http://127.0.0.1:1" for name in ("identity", "listening", "campaigns", "loop")
)
ROLES: Mapping[str, Sequence[str]] = {
    "provider": ("commerce.provider_simulator",),
    "relay": ("chassis.run", "relay", "commerce"),
    "worker": ("chassis.run", "worker", "commerce"),
}


class RunningClock:
    """The time that all processes share: as fast as real time, and moved on when all is said."""

    def __init__(self, path: Path) -> None:
        self._clock = SharedClock(path)
        self._ahead = timedelta()
        self._stopped = threading.Event()
        self._tick()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        """Return the moment."""
        return datetime.now(UTC) + self._ahead

    def move(self, by: timedelta) -> None:
        """Let time pass at once."""
        self._ahead += by
        self._tick()

    def stop(self) -> None:
        """Stand still."""
        self._stopped.set()
        self._thread.join()

    def _tick(self) -> None:
        self._clock.set(self.now())

    def _run(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            self._tick()


class Shop:
    """The running processes, and what can be seen of them from outside.

    Args:
        folder: An empty one.
        database_url: Of PostgreSQL.
        amqp_uri: Of RabbitMQ.
    """

    def __init__(self, folder: Path, database_url: str, amqp_uri: str) -> None:
        self.clock = RunningClock(folder / "clock")
        self.port, provider = free_ports(2)
        self.journal = folder / "journal.jsonl"
        issuer = DevelopmentIssuer(
            folder / "issuer", environment="test", issuer=ISSUER, audience=AUDIENCE
        )
        self.token = issuer.issue(TENANT, "buyers", SCOPES, LIFE)
        keys_url = f"sqlite:///{folder}/keys.db"
        migrate(database_url, "commerce")
        migrate(keys_url, "chassis.key_store")
        self._database = Database(database_url)
        here, key = f"http://127.0.0.1:{self.port}", base64.b64encode(secrets.token_bytes(32))
        self._settings = {
            "SERVICE": "commerce", "ENVIRONMENT": "test", "DATABASE_URL": database_url,
            "KEYS_URL": keys_url, "AMQP_URI": amqp_uri, "SECRET": key.decode(),
            "MASTER_KEY": key.decode(), "JWKS": str(issuer.jwks), "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE, "HTTP_PORT": str(self.port), "SERVICE_TOKEN": self.token,
            "FEEDS": FEEDS, "LOG_LEVEL": "WARNING", "FEED_POLL_SECONDS": "60",
            "CLOCK_FILE": str(folder / "clock"), "PAYMENT_PROVIDER_PORT": str(provider),
            "PAYMENT_PROVIDER_URL": f"http://127.0.0.1:{provider}", "COMMERCE_PUBLIC_URL": here,
            "PAYMENT_PROVIDER_JOURNAL": str(self.journal), "PYTHONPATH": ":".join(sys.path),
        }  # fmt: skip
        self.nodes = {name: self._node(folder, name) for name in ROLES}
        self.client = httpx.Client(
            base_url=here, headers={"Authorization": f"Bearer {self.token}"}, timeout=60
        )

    def start(self) -> None:
        """Start every process and wait until the worker answers; raises ServerFailed."""
        for name, (module, *arguments) in ROLES.items():
            argv = [sys.executable, "-m", module, *arguments]
            self.nodes[name].launch([Command(argv=argv, environment=self._settings)])
        self.nodes["worker"].wait_ready(self._answers, READY_SECONDS)

    def stop(self) -> None:
        """Stop every process."""
        self.client.close()
        for node in self.nodes.values():
            node.stop()
        self._database.close()
        self.clock.stop()

    def worked(self, name: str) -> float:
        """Return how many seconds of a processor a process has used."""
        process = self.nodes[name].process
        pids = descendants(process.pid) if process else []
        ticks = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
        return sum(int(one[11]) + int(one[12]) for one in ticks) / os.sysconf("SC_CLK_TCK")

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Make one request that changes something; raises httpx.HTTPError."""
        key = {"Idempotency-Key": secrets.token_hex(16)}
        answer = self.client.post(path, json=body, headers=key)
        answer.raise_for_status()
        return answer.json()

    def get(self, path: str) -> Any:
        """Return what is shown; raises httpx.HTTPError."""
        answer = self.client.get(path)
        answer.raise_for_status()
        return answer.json()

    def rest(self, seconds: float) -> bool:
        """Wait until nothing is under way any more; say whether that came to be in time."""
        deadline, before = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            known = self.get("/internal/v1/progress")
            if known == before and not any(unsettled({"commerce": known}, self.clock.now())):
                return True
            before = known
            time.sleep(REST_SECONDS)
        return False

    def rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT on the service's database."""
        with self._database.read() as db:
            return [tuple(row) for row in db.execute(text(statement), values)]

    def charges(self) -> Counter[str]:
        """Return how often the provider was made to take the money of each payment."""
        lines = self.journal.read_text().splitlines() if self.journal.exists() else []
        asked = [json.loads(line) for line in lines]
        return Counter(one["payment_id"] for one in asked if one.get("operation") == "capture")

    def _node(self, folder: Path, name: str) -> Node:
        own = folder / name
        own.mkdir()
        return Node(name=name, directory=own, stop_signal=signal.SIGTERM, grace=15)

    def _answers(self) -> bool:
        try:
            return self.client.get("/healthz").is_success
        except httpx.HTTPError:
            return False


@contextmanager
def shop_in(folder: Path) -> Iterator[Shop]:
    """Run commerce and its servers."""
    folder.chmod(0o755)  # PostgreSQL runs as another user than root
    with (
        PrivateRabbitMQ(folder / "rabbitmq") as rabbitmq,
        PrivatePostgreSQL(folder / "postgresql") as postgresql,
    ):
        own = folder / "shop"
        own.mkdir()
        shop = Shop(own, postgresql.database("commerce"), rabbitmq.vhost("commerce"))
        try:
            shop.start()
            yield shop
        except BaseException:
            print("\n".join(node.log_tail() for node in shop.nodes.values()))
            raise
        finally:
            shop.stop()
