"""A private installation on real servers, what an operator does to it, and how to look into it."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from chassis.clock import SystemClock
from chassis.database import Database
from chassis.feed import LocalFeed
from chassis.isolation import Roles
from chassis.key_store import SqlKeys
from chassis.log_verify import pages
from chassis.migrate_job import KEYS
from chassis.migrations import migrate
from chassis.roles import blueprint_of
from chassis.storage import log_on
from chassis.testing.three_roles import Addresses as ByRole
from chassis.testing.three_roles import divided
from loop.replay import Result, replay
from sixfold import demo, main
from sixfold.client import Clients
from sixfold.feeding import PAYMENT_ERROR, PURCHASE, SUPPORT_CHAT
from sixfold.parts import LOOP, SERVICES
from sixfold.settling import vector, wait_until_settled
from sixfold.shop import TENANT
from sixfold.stack import Stack, clients_of

EVERYONE = (*SERVICES, LOOP)
VISITS, MENTIONS = 5, 3
_DECISIVE = {PURCHASE, PAYMENT_ERROR, SUPPORT_CHAT}
Urls = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """An installation, and where its copies go.

    Args:
        stack: Its servers and processes.
        folder: Of everything that is kept outside of it.
    """

    stack: Stack
    folder: Path
    seen: dict[str, Any] = field(default_factory=dict)

    @property
    def clients(self) -> Clients:
        """Clients of every service."""
        return clients_of(self.stack.addresses.urls, self.stack.token, TENANT)

    def settle(self) -> Mapping[str, Any]:
        """Wait until nothing is under way."""
        return wait_until_settled(self.clients, self.stack.clock.now(), deadline=240)

    def loop_hash(self) -> dict[str, Any]:
        """Return what the loop counts, once everything has arrived there."""
        found: dict[str, Any] = self.clients[LOOP].get("/v1/loop/hash", at=vector(self.settle()))
        return found

    @property
    def variables(self) -> dict[str, str]:
        """What the backup commands are told."""
        assert self.stack.postgresql is not None
        return {
            "SIXFOLD_STACK": str(self.stack.directory),
            "SIXFOLD_BACKUPS": str(self.folder / "backups"),
            "SIXFOLD_KEY_BACKUPS": str(self.folder / "key-backups"),
            "ERASURE_LIST": str(self.folder / "list"),
            "SIXFOLD_BACKUP_TEXTFILE": str(self.folder / "textfile"),
            "SIXFOLD_DRILL_SERVER": self.stack.postgresql.url("postgres"),
        }

    def sixfold(self, words: str, code: int = 0) -> str:
        """Run the command; return what it printed."""
        done = CliRunner().invoke(main.app, words.split(), env=self.variables)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return done.output

    def file(self, name: str, urls: Urls) -> str:
        """Write databases as the commands read them."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(urls))
        return str(path)

    def fresh(self, mark: str) -> tuple[dict[str, ByRole], dict[str, ByRole]]:
        """Make empty databases for the logs and for the keys, each with its service's roles."""
        server = self.stack.postgresql
        assert server is not None
        return (
            {
                each: divided(server.database(f"{each}_{mark}"), Roles.named(f"sixfold_{each}"))
                for each in EVERYONE
            },
            {
                each: divided(
                    server.database(f"{each}_keys_{mark}"), Roles.named(f"sixfold_{each}")
                )
                for each in EVERYONE
            },
        )

    def known(self, name: str) -> bytes:
        """Return one of the stack's secrets."""
        return b64decode(json.loads((self.stack.directory / "stack.json").read_text())[name])

    def stop(self) -> None:
        """Kill every process of the services; the outside world goes on."""
        for name in self.stack.parts:
            if name != "world":
                self.stack.kill(name)

    def start(
        self, databases: Mapping[str, ByRole], keys: Mapping[str, ByRole], **told: str
    ) -> None:
        """Do the migration jobs of other databases, then start every process on these.

        Args:
            databases: Of the logs.
            keys: Of the keys.
            told: What else is new to each process.
        """
        for service in EVERYONE:
            roles = Roles.named(f"sixfold_{service}")
            migrate(databases[service].owner, service, roles=roles)
            migrate(keys[service].owner, KEYS, roles=roles)
        for name in self.stack.parts:
            if name != "world":
                service = name.partition(".")[0]
                self.stack.start_part(
                    name,
                    DATABASE_URL=databases[service].application,
                    SYSTEM_DATABASE_URL=databases[service].system,
                    KEYS_URL=keys[service].application,
                    **told,
                )
        for name in self.stack.parts:
            self.stack.wait_ready(name)


def owned(databases: Mapping[str, ByRole]) -> Urls:
    """Return the addresses as the owners have them."""
    return {service: each.owner for service, each in databases.items()}


def events_of(databases: Urls, service: str, *types: str) -> list[Any]:
    """Return a log's events of some types, with their envelopes, as they were recorded."""
    with closing(Database(databases[service])) as database, database.read() as db:
        return [event for event in pages(log_on(db)) if not types or event.type in types]


def personal_fields(
    master_key: bytes, databases: Urls, keys: Urls
) -> Iterator[tuple[str, str, str, Any]]:
    """Yield service, subject and name of each personal field in any log, and what can be read."""
    for service in databases:
        registry = blueprint_of(service).registry
        with closing(Database(keys[service])) as database:
            store = SqlKeys(database, master_key=master_key, clock=SystemClock())
            for recorded in events_of(databases, service):
                event = registry.decode(recorded, store)
                for name, owner in registry.kind(recorded.type).personal.items():
                    yield service, str(getattr(event, owner)), name, getattr(event, name)


def counted(databases: Urls, at: Mapping[str, int] | None = None) -> Result:
    """Compute the loop from logs alone."""
    opened = {each: Database(databases[each]) for each in SERVICES}
    try:
        feeds = {each: LocalFeed(database.read, each) for each, database in opened.items()}
        return replay(feeds, at=at, tenant=TENANT)
    finally:
        for database in opened.values():
            database.close()


@contextmanager
def site_in(directory: Path, folder: Path) -> Iterator[Site]:
    """Give an installation on PostgreSQL with a little of the demonstration's data in it."""
    visits = [visit for visit in demo.journeys() if _DECISIVE & visit.steps.keys()][:VISITS]
    told = demo.mentions()[:MENTIONS]
    began = min(visits[0].started_at, told[0].mention.posted_at)
    folder.mkdir(parents=True, exist_ok=True)
    given = {"ERASURE_LIST": str(folder / "list")}
    with Stack(directory, database="postgresql", start_at=demo.monday(began), told=given) as stack:
        site = Site(stack=stack, folder=folder)
        demo.play(stack, site.clients, visits, told, lambda _: None)
        site.settle()
        yield site
