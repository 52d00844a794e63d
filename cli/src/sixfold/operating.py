"""What an operator does with a running stack: look, verify, replay, retry."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from chassis.database import Database
from chassis.log_verify import BrokenLog
from chassis.segments.manifest import BrokenArchive
from loop.cycle import TOTAL
from loop.replay import replay as replay_loop
from sixfold import archiving, report, settling
from sixfold.client import Client, Refused, Unreachable, fresh_key
from sixfold.installation import Installation
from sixfold.parts import LOOP, SERVICES
from sixfold.shop import TENANT
from sixfold.stack import SCOPES, Described

_PARKED = "/internal/v1/parked"


def status(directory: Path, tenant: str) -> Mapping[str, Any]:
    """Return every service's progress."""
    return settling.look(Installation(directory=directory).clients(tenant))


def token(directory: Path, tenant: str, subject: str, scopes: list[str] | None) -> str:
    """Return a bearer token of the stack's development issuer."""
    return Described(directory).token(tenant, subject, scopes or SCOPES)


def verify(directory: Path, service: str | None, segments: str | None, console: Console) -> bool:
    """Check one log or all, with their segments; say what was found, and whether all are whole."""
    databases = Installation(directory=directory).databases
    names = [service] if service else [*SERVICES, LOOP]
    verified = [_verify_one(name, databases[name], segments, console) for name in names]
    return all(verified)


def _verify_one(name: str, url: str, segments: str | None, console: Console) -> bool:
    database = Database(url)
    try:
        found = archiving.verify(database, name, segments)
    except (BrokenLog, BrokenArchive) as broken:
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
    directory: Path, *, shuffle: int | None, partitions: int, at_live: bool,
    segments: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Compute the loop from the logs alone, and say whether the live loop agrees.

    Args:
        directory: Of the stack.
        shuffle: Seed of an arbitrary arrival order; None keeps the logs' own.
        partitions: Take the events in, in so many parts.
        at_live: Stop at the positions that the live loop has reached, so that both can be
            compared while events still arrive.
        segments: Where the logs' segments are; what they have is read from there.
    """
    installation = Installation(directory=directory)
    live = _live(installation)
    at = live["positions"] if live and at_live else None
    databases = {
        name: Database(url) for name, url in installation.databases.items() if name in SERVICES
    }
    try:
        feeds = {
            name: archiving.feed_of(database, name, segments)
            for name, database in databases.items()
        }
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


def _live(installation: Installation) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = installation.clients(TENANT)[LOOP].get("/v1/loop/hash")
    except (httpx.HTTPError, Refused, Unreachable):
        return None
    return found


def print_replay(console: Console, found: Mapping[str, Any]) -> None:
    """Print a replay's table and hash, and how it compares."""
    console.print(report.stage_table(found["stages"]))
    console.print(f"positions  {found['positions']}")
    console.print(f"hash       {found['hash']}")
    if "live" in found:
        console.print(f"live       {found['live']['hash']}  equal: {found['live']['equal']}")


def parked(directory: Path, tenant: str, service: str, **wanted: str | None) -> list[Any]:
    """Return what a service has parked, of one subscription or with one error or all."""
    return _pages(_client(directory, tenant, service), _PARKED, "parked", wanted)


def audit(directory: Path, tenant: str, service: str) -> list[Any]:
    """Return what people did to a service's parked events, the newest first."""
    return _pages(_client(directory, tenant, service), f"{_PARKED}/audit", "audit", {})


def show_parked(directory: Path, tenant: str, service: str, place: str) -> Any:
    """Return one parked event with its error and trace."""
    return _client(directory, tenant, service).get(f"{_PARKED}{place}")


def _pages(client: Client, path: str, name: str, wanted: Mapping[str, str | None]) -> list[Any]:
    query = {key: value for key, value in wanted.items() if value}
    page = client.get(path, **query)
    found = list(page[name])
    while page["next"]:
        page = client.get(path, **query, cursor=page["next"])
        found.extend(page[name])
    return found


def handle_parked(
    directory: Path, tenant: str, service: str, path: str, body: Mapping[str, Any] | None
) -> Any:
    """Retry or skip; each call is one, so its key is fresh."""
    client = _client(directory, tenant, service)
    return client.post(f"{_PARKED}{path}", body, key=fresh_key())


def _client(directory: Path, tenant: str, service: str) -> Client:
    return Installation(directory=directory).clients(tenant)[service]
