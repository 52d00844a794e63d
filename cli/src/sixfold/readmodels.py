"""``sixfold readmodel``: build read models anew beside the live ones, compare, swap, roll back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from chassis.comparing import Comparison, Difference
from chassis.database import Database
from chassis.errors import Alarm, Conflict, Rejected, Unavailable
from chassis.key_store import SqlKeys
from chassis.rebuild_progress import build
from chassis.rebuilding import ReadModel, VersionsDiffer
from chassis.roles import blueprint_of
from chassis.storage import Storage
from sixfold.arguments import DEFAULT, Directory, Service, console
from sixfold.installation import Installation

app = typer.Typer(no_args_is_help=True, help="Build read models anew.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the read model.")]


@app.command("status")
def status(service: Service, directory: Directory = DEFAULT) -> None:
    """Show where the versions of a service's read models stand."""
    blueprint = blueprint_of(service)
    with _storage(directory, service) as storage:
        for projection in (*blueprint.projections, *blueprint.inline):
            at = ReadModel(storage, blueprint, projection.name).standing()
            beside = {"next": at.next, "previous": at.previous}
            said = ", ".join(f"{side} at {its}" for side, its in beside.items() if its is not None)
            console.print(f"{projection.name}: live at {at.live} of {at.head}; {said or 'alone'}")


@app.command("rebuild")
def rebuild(
    service: Service,
    name: Name,
    directory: Directory = DEFAULT,
    *,
    resume: Annotated[
        bool, typer.Option(help="Go on with what the same code began earlier.")
    ] = False,
) -> None:
    """Fold the whole log into a new version beside the live one."""
    with _model(directory, service, name) as model:
        for progress in build(model, resume=resume):
            console.print(
                f"{name}: {progress.position} of {progress.head} events, "
                f"{progress.per_second} a second, {progress.remaining_seconds} s to go"
            )


@app.command("compare")
def compare(service: Service, name: Name, directory: Directory = DEFAULT) -> None:
    """Compare every row of the next version with the live one, at one position."""
    with _model(directory, service, name) as model:
        found = model.compare()
    _print(name, found)
    raise typer.Exit(0 if found.equal else 1)


@app.command("swap")
def swap(
    service: Service,
    name: Name,
    directory: Directory = DEFAULT,
    *,
    accept_differences: Annotated[
        bool, typer.Option("--accept-differences", help="The next version is meant to differ.")
    ] = False,
) -> None:
    """Make the next version the live one; the live one is kept."""
    with _model(directory, service, name) as model:
        try:
            model.swap(accept_differences=accept_differences)
        except VersionsDiffer as differ:
            _print(name, differ.comparison)
            console.print("not swapped; --accept-differences swaps all the same")
            raise typer.Exit(1) from None
    console.print(f"{name}: swapped; `readmodel rollback` takes it back")


@app.command("rollback")
def rollback(service: Service, name: Name, directory: Directory = DEFAULT) -> None:
    """Make the previous version the live one again."""
    with _model(directory, service, name) as model:
        model.rollback()
    console.print(f"{name}: the version before is live again")


@app.command("discard")
def discard(service: Service, name: Name, directory: Directory = DEFAULT) -> None:
    """Remove the versions beside the live one."""
    with _model(directory, service, name) as model:
        model.discard()
    console.print(f"{name}: only the live version is left")


@contextmanager
def _model(directory: Path, service: str, name: str) -> Iterator[ReadModel]:
    with _storage(directory, service) as storage:
        try:
            yield ReadModel(storage, blueprint_of(service), name)
        except VersionsDiffer:
            raise
        except (Alarm, Rejected, Conflict, Unavailable) as refused:
            console.print(f"[red]{name}: {refused}[/]")
            raise typer.Exit(1) from None


@contextmanager
def _storage(directory: Path, service: str) -> Iterator[Storage]:
    """Open what a service of a running stack keeps, beside its own processes."""
    installation, blueprint = Installation(directory=directory), blueprint_of(service)
    clock = installation.clock
    database = Database(installation.databases[service])
    keys = Database(installation.keys[service])
    try:
        yield Storage(
            service=service,
            database=database,
            registry=blueprint.registry,
            keys=SqlKeys(keys, master_key=installation.master_key, clock=clock),
            clock=clock,
            secret=installation.secret,
            inline=blueprint.inline,
        )
    finally:
        database.close()
        keys.close()


def _print(name: str, found: Comparison) -> None:
    console.print(
        f"{name}: {found.rows} rows at position {found.position}, {found.differing} differ, "
        f"{found.parked} events parked"
    )
    for difference in found.first:
        console.print(_said(difference))


def _said(difference: Difference) -> str:
    key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
    if difference.only_in:
        return f"  {difference.table} {key}: only in the {difference.only_in} version"
    columns = "; ".join(
        f"{name} {live!r} -> {new!r}" for name, (live, new) in difference.columns.items()
    )
    return f"  {difference.table} {key}: {columns}"
