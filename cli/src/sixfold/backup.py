"""``sixfold backup``: copies of the services' databases and keys, restored elsewhere and tried."""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chassis.backup.pruning import Keep, Pruned
from sixfold import backing_up, bringing_back
from sixfold.arguments import DEFAULT, Directory, Segments, console
from sixfold.backup_settings import BackupSettings
from sixfold.erasures import listed, newest_on
from sixfold.forgetting_again import forget_again

app = typer.Typer(no_args_is_help=True, help="Back up, check, restore elsewhere, try it.")
keys = typer.Typer(no_args_is_help=True, help="The same for the keys: apart, sealed, for days.")
app.add_typer(keys, name="keys")

Name = Annotated[str | None, typer.Argument(metavar="[BACKUP]", help="The newest by default.")]
DatabasesFile = Annotated[
    Path | None,
    typer.Option("--databases", envvar="SIXFOLD_DATABASES_FILE", help="JSON: service to database."),
]
KeysFile = Annotated[
    Path | None,
    typer.Option("--keys", envvar="SIXFOLD_KEYS_FILE", help="JSON: service to database of keys."),
]
WithoutList = Annotated[
    bool,
    typer.Option("--without-erasure-list", help="There never was a list, or it is lost for good."),
]
BeginList = Annotated[
    bool,
    typer.Option("--begin-erasure-list", help="Go on with the list as it is, whatever it lost."),
]


def _settings(
    directory: Path, databases: Path | None = None, keys_file: Path | None = None
) -> BackupSettings:
    return BackupSettings(directory=directory, databases_file=databases, keys_file=keys_file)


@app.command("create")
def create(
    databases: DatabasesFile = None,
    directory: Directory = DEFAULT,
    *,
    begin_erasure_list: BeginList = False,
) -> None:
    """Copy every service's database at one moment, read the copy back, and list it."""
    settings = _settings(directory, databases)
    backing_up.create(settings, anew=begin_erasure_list, say=console.print)


@app.command("list")
def list_backups(directory: Directory = DEFAULT) -> None:
    """List backups with the position of every log in them, the newest first."""
    for line in backing_up.described(_settings(directory).shelf):
        console.print(line)


@app.command("verify")
def verify(name: Name = None, directory: Directory = DEFAULT) -> None:
    """Read a whole backup: seal, files, counts, positions, streams and chains."""
    settings = _settings(directory)
    manifest = backing_up.verify(settings.shelf, name, key=None, say=console.print)
    console.print(f"{manifest.id} is what was made")


@app.command("restore")
def restore(
    name: Name = None,
    databases: DatabasesFile = None,
    keys_file: KeysFile = None,
    directory: Directory = DEFAULT,
    *,
    at: Annotated[
        str | None,
        typer.Option("--at", help="A moment (2026-05-10T16:00:00Z), or identity=120,commerce=88."),
    ] = None,
    segments: Segments = None,
    without_erasure_list: WithoutList = False,
) -> None:
    """Restore into empty databases elsewhere, and forget again whoever was forgotten since."""
    settings = _settings(directory, databases, keys_file)
    if at is not None:
        plan = bringing_back.bring_back_to(
            settings, _point(at), segments=segments, without_list=without_erasure_list,
            say=console.print,
        )  # fmt: skip
        console.print(f"restored up to {dict(plan.vector)}")
        return
    manifest = bringing_back.bring_back(
        settings, name, without_list=without_erasure_list, say=console.print
    )
    console.print(f"{manifest.id} is restored")


@app.command("drill")
def drill(
    name: Name = None,
    directory: Directory = DEFAULT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    without_erasure_list: WithoutList = False,
) -> None:
    """Try a backup: restore elsewhere, check, build read models anew, compare, count the loop."""
    from sixfold import drilling  # noqa: PLC0415  # the other commands start faster

    def say(line: str) -> None:
        if not as_json:
            console.print(line)

    report = drilling.drill(_settings(directory), name, without_list=without_erasure_list, say=say)
    if as_json:
        sys.stdout.write(json.dumps({**asdict(report), "passed": report.passed}, indent=1) + "\n")
    else:
        for step, seconds in report.seconds.items():
            console.print(f"{seconds:8.1f} s  {step}")
        console.print("everything came out as it was" if report.passed else "[red]IT DIFFERS[/]")
    raise typer.Exit(0 if report.passed else 1)


@app.command("forget")
def forget(
    databases: DatabasesFile = None,
    keys_file: KeysFile = None,
    directory: Directory = DEFAULT,
    *,
    without_erasure_list: WithoutList = False,
) -> None:
    """Forget again whoever is on the list, in databases that another tool has restored."""
    settings = _settings(directory, databases, keys_file)
    newest = newest_on(settings.shelf) if settings.has_shelf else None
    entries = listed(settings, newest, without=without_erasure_list)
    forget_again(settings, settings.databases, entries, say=console.print)


@app.command("prune")
def prune(
    directory: Directory = DEFAULT,
    daily: Annotated[int, typer.Option(min=0, help="Days of which the newest is kept.")] = 7,
    weekly: Annotated[int, typer.Option(min=0, help="Weeks likewise.")] = 5,
    monthly: Annotated[int, typer.Option(min=0, help="Months likewise.")] = 12,
) -> None:
    """Remove what is not to be kept; never the newest backup that reads whole."""
    keep = Keep(daily=daily, weekly=weekly, monthly=monthly)
    _pruned(backing_up.thin_out(_settings(directory), keep))


@keys.command("create")
def create_keys(
    keys_file: KeysFile = None,
    directory: Directory = DEFAULT,
    *,
    begin_erasure_list: BeginList = False,
) -> None:
    """Copy the databases of keys to a place of their own, encrypted under the master key."""
    settings = _settings(directory, None, keys_file)
    backing_up.create_keys(settings, anew=begin_erasure_list, say=console.print)


@keys.command("list")
def list_keys(directory: Directory = DEFAULT) -> None:
    """List the copies of keys, the newest first."""
    for line in backing_up.described(_settings(directory).key_shelf):
        console.print(line)


@keys.command("verify")
def verify_keys(name: Name = None, directory: Directory = DEFAULT) -> None:
    """Read a whole copy of keys."""
    settings = _settings(directory)
    manifest = backing_up.verify(
        settings.key_shelf, name, key=settings.content_key, say=console.print
    )
    console.print(f"{manifest.id} is what was made")


@keys.command("restore")
def restore_keys(
    name: Name = None,
    keys_file: KeysFile = None,
    directory: Directory = DEFAULT,
    *,
    without_erasure_list: WithoutList = False,
) -> None:
    """Restore keys into empty databases, and destroy again what was destroyed since."""
    settings = _settings(directory, None, keys_file)
    manifest = bringing_back.bring_keys_back(
        settings, name, without_list=without_erasure_list, say=console.print
    )
    console.print(f"{manifest.id} is restored")


@keys.command("prune")
def prune_keys(
    directory: Directory = DEFAULT,
    days: Annotated[float, typer.Option(min=0, help="Older copies go.")] = 7,
) -> None:
    """Remove old copies of keys: with them go, for good, the keys of those forgotten since."""
    _pruned(backing_up.thin_out_keys(_settings(directory), days))


def _point(at: str) -> dict[str, int] | datetime:
    """Return the moment, or the positions, that somebody named."""
    try:
        if "=" not in at:
            moment = datetime.fromisoformat(at)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        pairs = (each.partition("=") for each in at.split(","))
        return {service.strip(): int(position) for service, _, position in pairs}
    except ValueError:
        raise typer.BadParameter(f"{at!r} is neither a moment nor positions.") from None


def _pruned(done: Pruned) -> None:
    for name in done.removed:
        console.print(f"{name} removed")
    whole = f"{done.whole} reads whole" if done.whole else "[red]none of them reads whole[/]"
    console.print(f"{len(done.kept)} kept; {whole}")
    raise typer.Exit(0 if done.whole else 1)
