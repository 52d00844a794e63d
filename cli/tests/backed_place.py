"""An installation without processes on SQLite, and the backup commands as an operator runs them."""

import base64
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from typer.testing import CliRunner

from chassis.clock import SystemClock
from chassis.context import Context, digest_of
from chassis.database import Database
from chassis.erasure_list import ErasureList
from chassis.key_store import SqlKeys
from chassis.roles import blueprint_of
from chassis.storage import Storage, log_on
from sixfold import main

SECRET, MASTER = b"s" * 32, b"m" * 32
SERVICES = ("identity", "commerce")
KEYS = "chassis.key_store"
ADDRESS = "somebody@example.com"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """An installation without processes, and the variables that describe it."""

    folder: Path

    def urls(self, which: str) -> dict[str, str]:
        return {each: f"sqlite:///{self.folder}/{which}-{each}.db" for each in SERVICES}

    def file(self, which: str) -> str:
        path = self.folder / f"{which}.json"
        path.write_text(json.dumps(self.urls(which)))
        return str(path)

    @property
    def variables(self) -> Mapping[str, str]:
        (self.folder / "secret").write_text(base64.b64encode(SECRET).decode() + "\n")
        return {
            "SIXFOLD_DATABASES_FILE": self.file("live"),
            "SIXFOLD_KEYS_FILE": self.file("keys"),
            "SECRET_FILE": str(self.folder / "secret"),
            "MASTER_KEY": base64.b64encode(MASTER).decode(),
            "SIXFOLD_BACKUPS": str(self.folder / "backups"),
            "SIXFOLD_KEY_BACKUPS": str(self.folder / "key-backups"),
            "ERASURE_LIST": str(self.folder / "erasures"),
            "SIXFOLD_BACKUP_TEXTFILE": str(self.folder / "textfile"),
            "SIXFOLD_STACK": str(self.folder / "nowhere"),
        }

    def run(self, words: str, *, fails: bool = False, **variables: str) -> str:
        """Run the command; return what it said."""
        given = {**self.variables, **variables}
        done = CliRunner().invoke(main.app, ["backup", *words.split()], env=given)
        if done.exception is not None and not isinstance(done.exception, SystemExit) and not fails:
            raise done.exception
        assert (done.exit_code != 0) == fails, done.output
        return done.output + (str(done.exception) if fails else "")

    def identity(self, which: str = "live", keys: str = "keys") -> Storage:
        """Open identity."""
        return self.storage("identity", which, keys)

    def storage(self, service: str, which: str = "live", keys: str = "keys") -> Storage:
        """Open a service, which lists whom it forgets."""
        blueprint, clock = blueprint_of(service), SystemClock()
        store = SqlKeys(Database(self.urls(keys)[service]), master_key=MASTER, clock=clock)
        return Storage(
            service=service, database=Database(self.urls(which)[service]),
            registry=blueprint.registry, keys=store, clock=clock, secret=SECRET,
            inline=blueprint.inline, erasures=self.listing(service),
        )  # fmt: skip

    def listing(self, service: str) -> ErasureList:
        """Return the list of erasures as a service writes it."""
        return ErasureList(address=str(self.folder / "erasures"), secret=SECRET, service=service)

    def metric(self, job: str, name: str) -> float:
        lines = (self.folder / "textfile" / f"sixfold_{job}.prom").read_text().splitlines()
        (found,) = (line for line in lines if line.startswith(f"sixfold_{job}_{name} "))
        return float(found.rpartition(" ")[2])


def why() -> Context:
    now = datetime.now(UTC)
    return Context(
        tenant="acme", actor="user:test", command_id=uuid4(), digest=digest_of(SECRET, b"it"),
        correlation_id=uuid4(), causation_id=uuid4(), traceparent=None, now=now,
    )  # fmt: skip


def readable(place: Place, which: str, keys: str) -> set[str]:
    """Return every address that can be read in identity's log."""
    storage = place.identity(which, keys)
    with closing(storage.database), storage.system.read() as db:
        events = [
            storage.registry.decode(one, storage.keys) for one in log_on(db).after(0, limit=99)
        ]
    return {event.address for event in events if getattr(event, "address", None)}
