"""One private stack with a little of the demonstration's data in it, and how to look into it."""

import json
import os
import subprocess
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.envelope import Recorded
from chassis.key_store import SqlKeys
from chassis.roles import blueprint_of
from chassis.storage import log_on
from collector import Collector
from sixfold import demo
from sixfold.client import Clients
from sixfold.feeding import PAYMENT_ERROR, PURCHASE, SUPPORT_CHAT, Fed
from sixfold.journeys import Visit
from sixfold.parts import LOOP, SERVICES
from sixfold.settling import vector, wait_until_settled
from sixfold.shop import TENANT
from sixfold.stack import Stack, clients_of

ALL = (*SERVICES, LOOP)
DEADLINE = 60.0
_DECISIVE = {PURCHASE, PAYMENT_ERROR, SUPPORT_CHAT}
_EVERY = 12
_PAGE = 1_000
_COMMAND = Path(sys.executable).with_name("sixfold")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """An event with its personal fields as they can be read now."""

    recorded: Recorded
    event: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Installation:
    """A running stack, and what was fed to it."""

    stack: Stack
    clients: Clients
    fed: Fed
    collector: Collector
    ops_ports: Mapping[str, int] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        """The folder of the databases."""
        return self.stack.directory / "data"

    def settle(self) -> Mapping[str, Any]:
        """Wait until nothing is under way; return every service's progress."""
        return wait_until_settled(self.clients, self.stack.clock.now())

    def hashes(self) -> dict[str, Any]:
        """Return the loop's hashes once everything that is under way has arrived there."""
        found: dict[str, Any] = self.clients[LOOP].get("/v1/loop/hash", at=vector(self.settle()))
        return found

    def log(self, service: str) -> list[Recorded]:
        """Return a whole log."""
        url = self.stack.addresses.databases[service].owner
        with opened(url) as database, database.read() as db:
            log, found = log_on(db), list[Recorded]()
            while page := log.after(found[-1].position if found else 0, limit=_PAGE):
                found.extend(page)
        return found

    def events(self, service: str, *types: str) -> list[Decoded]:
        """Return a log's events of some types, opened with the service's own keys."""
        known = json.loads((self.stack.directory / "stack.json").read_text())
        with opened(self.stack.addresses.keys[service].owner) as database:
            keys = SqlKeys(database, master_key=b64decode(known["master_key"]), clock=SystemClock())
            registry = blueprint_of(service).registry
            return [
                Decoded(recorded=recorded, event=registry.decode(recorded, keys))
                for recorded in self.log(service)
                if not types or recorded.type in types
            ]

    def counts(self) -> Counter[str]:
        """Count the events of all logs by type."""
        return Counter(event.type for service in ALL for event in self.log(service))

    def sixfold(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command as a user would, on this stack."""
        environment = {**os.environ, "SIXFOLD_STACK": str(self.stack.directory), "COLUMNS": "200"}
        return subprocess.run(
            [_COMMAND, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def restart(self, part: str) -> None:
        """Kill one process and start it again."""
        self.stack.kill(part)
        self.stack.start_part(part)
        self.stack.wait_ready(part)

    def mention(self, text: str, **more: Any) -> dict[str, Any]:
        """Hand one post in, now, by somebody new unless told otherwise; return the answer."""
        body = {
            "platform": "weibo",
            "post_id": f"post-{uuid4()}",
            "author_id": f"author-{uuid4()}",
            "kind": "post",
            "text": text,
            "posted_at": self.stack.clock.now().isoformat(),
        }
        answer: dict[str, Any] = self.clients["listening"].post("/v1/mentions", {**body, **more})
        return answer

    def order(self, *, shop: str = "lantern-shop", person: str | None = None) -> str:
        """Order one thing now; return the order's id."""
        body: dict[str, Any] = {
            "person_id": person or str(uuid4()),
            "origin": {"platform": "social", "property": shop, "mode": "web"},
            "lines": [{"sku": "gaiwan", "qty": 1}],
            "payment_method": "tok_ok",
        }
        placed = self.clients["commerce"].post("/v1/orders", body, key=str(uuid4()))
        return str(placed["order_id"])


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Open a database beside its service, and close it again."""
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def fill(stack: Stack, collector: Collector) -> Installation:
    """Play the demonstration's mentions and a twelfth of its visits on which something hung."""
    clients = clients_of(stack.addresses.urls, stack.token, TENANT)
    visits, told = decisive_visits(), demo.mentions()
    fed = demo.play(stack, clients, visits, told, lambda _: None)
    return Installation(stack=stack, clients=clients, fed=fed, collector=collector)


def decisive_visits() -> list[Visit]:
    """Return about 700 rows: visits with a purchase, a payment error or a chat."""
    return [visit for visit in demo.journeys() if _DECISIVE & visit.steps.keys()][::_EVERY]


def eventually(condition: Callable[[], Any], what: str) -> Any:
    """Wait until something holds and return it; fail with its name after the deadline."""
    end = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < end, f"did not happen in {DEADLINE:.0f} s: {what}"
        time.sleep(0.05)
    return found
