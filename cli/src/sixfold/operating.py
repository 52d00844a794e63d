"""What an operator does with a running stack: look, verify, replay, retry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from chassis.database import Database
from chassis.feed import LocalFeed
from chassis.log_verify import BrokenLog
from chassis.log_verify import verify as verify_log
from chassis.storage import log_on
from loop.cycle import TOTAL
from loop.replay import replay as replay_loop
from sixfold import report, settling
from sixfold.client import Client, Refused, fresh_key
from sixfold.parts import LOOP, SERVICES
from sixfold.shop import TENANT
from sixfold.stack import SCOPES, Described


def status(directory: Path, tenant: str) -> Mapping[str, Any]:
    """Return every service's progress."""
    return settling.look(Described(directory).clients(tenant))


def token(directory: Path, tenant: str, subject: str, scopes: list[str] | None) -> str:
    """Return a bearer token of the stack's development issuer."""
    return Described(directory).token(tenant, subject, scopes or SCOPES)


def verify(directory: Path, service: str | None, console: Console) -> bool:
    """Check one log or all; say what was found; return whether all are whole."""
    databases = Described(directory).known["databases"]
    names = [service] if service else [*SERVICES, LOOP]
    verified = [_verify_one(name, databases[name], console) for name in names]
    return all(verified)


def _verify_one(name: str, url: str, console: Console) -> bool:
    database = Database(url)
    try:
        with database.read() as db:
            found = verify_log(log_on(db))
    except BrokenLog as broken:
        console.print(f"[red]{name}: BROKEN at {broken}[/]")
        return False
    finally:
        database.close()
    console.print(
        f"{name}: {found.events} events in {found.streams} streams and {len(found.lanes)} lanes; "
        "positions, versions and chains hold"
    )
    return True


def replay(
    directory: Path, *, shuffle: int | None, partitions: int, at_live: bool
) -> dict[str, Any]:
    """Compute the loop from the logs alone, and say whether the live loop agrees.

    Args:
        directory: Of the stack.
        shuffle: Seed of an arbitrary arrival order; None keeps the logs' own.
        partitions: Take the events in, in so many parts.
        at_live: Stop at the positions that the live loop has reached, so that both can be
            compared while events still arrive.
    """
    described = Described(directory)
    live = _live(described)
    at = live["positions"] if live and at_live else None
    databases = {
        name: Database(url)
        for name, url in described.known["databases"].items()
        if name in SERVICES
    }
    feeds = {name: LocalFeed(database.read, name) for name, database in databases.items()}
    try:
        result = replay_loop(
            feeds, at=at, shuffle_seed=shuffle, partitions=partitions, tenant=TENANT
        )
    finally:
        for database in databases.values():
            database.close()
    found: dict[str, Any] = {
        "positions": dict(result.positions),
        "events": result.events,
        "unread": list(result.unread),
        "hash": result.hash,
        "stages": result.stages.get(TENANT, {}).get(TOTAL, {}),
    }
    if live:
        equal = live["hash"] == found["hash"] if live["positions"] == found["positions"] else None
        found["live"] = {"positions": live["positions"], "hash": live["hash"], "equal": equal}
    return found


def _live(described: Described) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = described.clients(TENANT)[LOOP].get("/v1/loop/hash")
    except (httpx.HTTPError, Refused):
        return None
    return found


def print_replay(console: Console, found: Mapping[str, Any]) -> None:
    """Print a replay's table and hash, and how it compares."""
    console.print(report.stage_table(found["stages"]))
    console.print(f"positions  {found['positions']}")
    console.print(f"hash       {found['hash']}")
    if "live" in found:
        console.print(f"live       {found['live']['hash']}  equal: {found['live']['equal']}")


def parked(directory: Path, tenant: str, service: str, path: str = "") -> Any:
    """Return what a service has parked."""
    return _client(directory, tenant, service).get(f"/internal/v1/parked{path}")


def handle_parked(
    directory: Path, tenant: str, service: str, path: str, body: Mapping[str, Any] | None
) -> Any:
    """Retry or skip; each call is one, so its key is fresh."""
    client = _client(directory, tenant, service)
    return client.post(f"/internal/v1/parked{path}", body, key=fresh_key())


def _client(directory: Path, tenant: str, service: str) -> Client:
    return Described(directory).clients(tenant)[service]
