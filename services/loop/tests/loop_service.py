"""The loop in one test process: its own log in SQLite, its facts in memory, its web edge."""

from datetime import datetime
from pathlib import Path
from typing import Any

from werkzeug.test import Client, TestResponse

from chassis.browser_sessions import Sessions
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.ids import LANES
from chassis.inbox import OrderedInbox
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.migrated import migrated
from chassis.testing.web import Tokens
from four_logs import FourLogs
from loop.board import Board
from loop.bootstrap import BLUEPRINT
from loop.closing import Closer
from loop.console import Console
from loop.forgetting import Forgetter
from loop.live import DuckLedger, LiveFacts
from loop.main import app_of
from loop.session import SCOPE


class LoopUnderTest:
    """The loop over four given logs, at a clock that the test moves."""

    def __init__(self, folder: Path, logs: FourLogs, now: datetime) -> None:
        url = migrated(folder / "loop.db", "loop")
        self.logs = logs
        self.clock = FixedClock(now)
        self.facts = LiveFacts()
        self.storage = Storage(
            service="loop",
            database=Database(url),
            registry=BLUEPRINT.registry,
            keys=MemoryKeys(),
            clock=self.clock,
            secret=SECRET,
            inline=BLUEPRINT.inline,
        )
        self.tokens = Tokens(folder)
        self.stopping = False
        self.console = Console(
            storage=self.storage,
            facts=self.facts,
            board=Board(self.facts, rest=0),
            authority=self.tokens.authority,
            sessions=Sessions(SECRET, authority=self.tokens.authority, scope=SCOPE, secure=False),
            span_file=folder / "spans.jsonl",
            tokens_in_links=True,
            stopping=lambda: self.stopping,
        )
        self.app = app_of(self.console, [])
        self.client = Client(self.app)
        self.closer = Closer(self.storage, self.facts, self.console.board, logs.feeds, rest=0)
        self.forgetter = Forgetter(self.storage, self.facts)

    def take(self, *sources: str) -> None:
        """Catch up with some of the logs, or with all."""
        for source in sources or self.logs.feeds:
            ledger = DuckLedger(self.facts, source)
            OrderedInbox(ledger, self.logs.feeds[source], lanes=range(LANES)).check_heads()

    def token(self, *scopes: str, tenant: str = "acme") -> str:
        """Return a token that may read the loop's numbers, or with other scopes."""
        return self.tokens.issuer.issue(tenant, "u1", scopes or (SCOPE,))

    def sign_in(self, *, tenant: str = "acme") -> TestResponse:
        """Open the link that a terminal prints."""
        return self.client.get(f"/?token={self.token(tenant=tenant)}")

    def api(self, path: str, *scopes: str, tenant: str = "acme", **more: Any) -> TestResponse:
        """Call the API with a token."""
        headers = {"Authorization": f"Bearer {self.token(*scopes, tenant=tenant)}"}
        return self.client.open(path, headers=headers | more.pop("headers", {}), **more)

    def recorded(self) -> list[Any]:
        """Return the events in the loop's own log."""
        with self.storage.system.read() as db:
            stored = self.storage.log(db).after(0, limit=1000)
        return [self.storage.registry.decode(event, self.storage.keys) for event in stored]

    def close(self) -> None:
        """Give the files back."""
        self.facts.close()
        self.storage.database.close()
