"""The ``sixfold`` command."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import typer

from chassis.errors import Alarm, Conflict, Invalid, Rejected, Unavailable
from chassis.segments.archiving import POSITIONS
from sixfold import (
    archiving,
    backup,
    emergencies,
    importing,
    operating,
    quotas,
    readmodels,
    retaining,
)
from sixfold.arguments import DEFAULT, Directory, OptionalService, Place, Segments, Service, console
from sixfold.client import Refused, Unreachable
from sixfold.installation import Installation
from sixfold.occupation import Occupied
from sixfold.stack import PACKAGES, DatabaseKind, NotRunning
from sixfold.storefront import MAIN

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
log = typer.Typer(no_args_is_help=True, help="Look at event logs.")
parked = typer.Typer(no_args_is_help=True, help="Events that wait for a person.")
imports = typer.Typer(no_args_is_help=True, help="Bring your own data.")
app.add_typer(log, name="log")
app.add_typer(parked, name="parked")
app.add_typer(imports, name="import")
app.add_typer(readmodels.app, name="readmodel")
app.add_typer(emergencies.app, name="break-glass")
app.add_typer(backup.app, name="backup")
app.add_typer(quotas.app, name="quotas")
app.add_typer(retaining.app, name="retention")

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="CSV with a header.")
]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise typer.BadParameter(f"{name!r} is not a time zone such as Asia/Taipei.") from None


@app.command()
def demo(
    directory: Directory = DEFAULT,
    database: Annotated[
        DatabaseKind, typer.Option(envvar="DATABASE", help="A private PostgreSQL, or SQLite.")
    ] = "sqlite",
    rows: Annotated[
        int | None, typer.Option(envvar="DEMO_ROWS", min=1, help="Feed only the first rows.")
    ] = None,
) -> None:
    """Run the whole loop on half a year of shop journeys, then stay up until Ctrl-C.

    Environment: ONCE=1 leaves after the table.
    """
    from sixfold import demo as demonstration  # noqa: PLC0415  # the other commands start faster

    once = os.environ.get("ONCE") == "1"
    demonstration.run(directory, database=database, rows=rows, once=once, console=console)


@app.command()
def shop(directory: Directory = DEFAULT) -> None:
    """Open two shops and a mall with demonstration goods, then stay up until Ctrl-C."""
    from sixfold import shop_window  # noqa: PLC0415  # the other commands start faster

    shop_window.run(directory, console=console)


@app.command()
def status(directory: Directory = DEFAULT, tenant: str = "lantern") -> None:
    """Show how far every log and reader of a running stack has come."""
    console.print_json(json.dumps(operating.status(directory, tenant)))


@app.command()
def token(
    subject: str = "you",
    directory: Directory = DEFAULT,
    tenant: str = "lantern",
    scope: Annotated[list[str] | None, typer.Option()] = None,
) -> None:
    """Print a bearer token of a development stack."""
    console.print(operating.token(directory, tenant, subject, scope))


@app.command()
def replay(
    directory: Directory = DEFAULT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    shuffle: Annotated[int | None, typer.Option(help="Seed of a shuffled arrival order.")] = None,
    partitions: Annotated[int, typer.Option(min=1, help="Fold in this many parts.")] = 1,
    at_live: Annotated[bool, typer.Option(help="Stop where the live loop is.")] = False,
    segments: Segments = None,
) -> None:
    """Compute the loop again from the first event of every log, and compare with the live one."""
    result = operating.replay(
        directory, shuffle=shuffle, partitions=partitions, at_live=at_live, segments=segments
    )
    if as_json:
        sys.stdout.write(json.dumps(result, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    else:
        operating.print_replay(console, result)


@log.command("verify")
def log_verify(
    service: OptionalService = None,
    directory: Directory = DEFAULT,
    segments: Segments = None,
) -> None:
    """Check positions, streams and hash chains of whole logs, and of their segments."""
    sound = operating.verify(directory, service, segments, console)
    raise typer.Exit(0 if sound else 1)


@log.command("archive")
def log_archive(
    segments: Place,
    service: OptionalService = None,
    directory: Directory = DEFAULT,
    positions: Annotated[
        int, typer.Option(min=1, help="How many positions make a segment.")
    ] = POSITIONS,
) -> None:
    """Export what is new and fills a segment to Parquet files; run it again to go on."""
    services = [service] if service else list(PACKAGES)
    archiving.archive(directory, services, segments, positions, console)


@log.command("release")
def log_release(
    service: Service,
    segments: Place,
    directory: Directory = DEFAULT,
    *,
    up_to: Annotated[int | None, typer.Option(min=0, help="The last that may leave.")] = None,
    keep: Annotated[int, typer.Option(min=1, help="How many of the newest stay.")] = 10_000_000,
    drop: Annotated[bool, typer.Option("--drop", help="Drop the tables.")] = False,
) -> None:
    """Let a log's oldest partitions leave PostgreSQL, once its segments hold all they hold."""
    done = archiving.release(directory, service, segments, up_to=up_to, keep=keep, drop=drop)
    console.print(done)


@parked.command("list")
def parked_list(
    service: Service,
    directory: Directory = DEFAULT,
    tenant: str = "lantern",
    subscription: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
    error: Annotated[str | None, typer.Option(help="Only those that start like this.")] = None,
) -> None:
    """List a service's parked events."""
    found = operating.parked(directory, tenant, service, subscription=subscription, error=error)
    console.print_json(json.dumps(found))


@parked.command("audit")
def parked_audit(service: Service, directory: Directory = DEFAULT, tenant: str = "lantern") -> None:
    """List who retried or skipped what, when and why, the newest first."""
    console.print_json(json.dumps(operating.audit(directory, tenant, service)))


@parked.command("show")
def parked_show(
    service: Service, subscription: str, position: int, directory: Directory = DEFAULT,
    tenant: str = "lantern",
) -> None:  # fmt: skip
    """Show one parked event with its error and trace."""
    found = operating.show_parked(directory, tenant, service, f"/{subscription}/{position}")
    console.print_json(json.dumps(found))


@parked.command("retry")
def parked_retry(
    service: Service, subscription: str, position: int, directory: Directory = DEFAULT,
    tenant: str = "lantern",
) -> None:  # fmt: skip
    """Try one parked event again at once."""
    done = operating.handle_parked(
        directory, tenant, service, f"/{subscription}/{position}/retry", None
    )
    console.print_json(json.dumps(done))


@parked.command("retry-all")
def parked_retry_all(
    service: Service,
    error: str,
    directory: Directory = DEFAULT,
    tenant: str = "lantern",
    subscription: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
) -> None:
    """Try every parked event again whose error starts with ERROR."""
    wanted = {"error": error, **({"subscription": subscription} if subscription else {})}
    done = operating.handle_parked(directory, tenant, service, "/retry", wanted)
    console.print_json(json.dumps(done))


@parked.command("skip")
def parked_skip(
    service: Service, subscription: str, position: int, reason: str, *,
    directory: Directory = DEFAULT, tenant: str = "lantern",
) -> None:  # fmt: skip
    """Give one parked event up, for a REASON that is kept."""
    done = operating.handle_parked(
        directory, tenant, service, f"/{subscription}/{position}/skip", {"reason": reason}
    )
    console.print_json(json.dumps(done))


@imports.command("mentions")
def import_mentions(
    file: File,
    directory: Directory = DEFAULT,
    tenant: str = "lantern",
    zone: Annotated[
        ZoneInfo | None, typer.Option(parser=_zone, help="Of times that name none.")
    ] = None,
) -> None:
    """Import mentions from CSV; bad rows are refused by line, the same file again adds nothing."""
    clients = Installation(directory=directory).clients(tenant)
    raise typer.Exit(importing.import_mentions(clients["listening"], file, zone, console))


@imports.command("journeys")
def import_journeys(
    file: File,
    directory: Directory = DEFAULT,
    tenant: str = "lantern",
    zone: Annotated[ZoneInfo, typer.Option(parser=_zone, help="Of times that name none.")] = "UTC",  # type: ignore[assignment]  # typer parses the default too
    location: Annotated[str, typer.Option(help="Where the goods are taken from.")] = MAIN,
) -> None:
    """Import shop journeys from CSV; bad rows are refused by line, the same file adds nothing."""
    clients = Installation(directory=directory).clients(tenant)
    code = importing.import_journeys(
        clients, tenant, file, zone=zone, location=location, console=console
    )
    raise typer.Exit(code)


SAID = (
    NotRunning, Occupied, Refused, Unreachable, httpx.TransportError,
    Alarm, Conflict, Invalid, Rejected, Unavailable,
)  # fmt: skip


def run() -> None:
    """Run the command; Ctrl-C is a normal end, what nobody can help is said in one line.

    SIGTERM ends it as an exception does: half a copy, or keys restored, would stay on a disk.
    """
    signal.signal(signal.SIGTERM, _leave)
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(0) from None
    except SAID as problem:
        sys.stderr.write(f"sixfold: {_said(problem)}\n")
        raise SystemExit(1) from None


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _said(problem: Exception) -> str:
    if isinstance(problem, httpx.TransportError):
        return f"the stack does not answer ({problem})"
    return str(problem)
