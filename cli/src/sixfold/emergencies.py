"""Credentials for emergencies, made on a machine that needs no network: see the runbook."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from chassis import break_glass
from chassis.break_glass import NotForEmergencies, WrongPassphrase

app = typer.Typer(no_args_is_help=True, help="Credentials for the day the issuer is away.")
Passphrase = Annotated[
    str, typer.Option(envvar="BREAK_GLASS_PASSPHRASE", prompt=True, hide_input=True)
]
_SHORTEST = 16


@app.command("key")
def key(
    sealed: Annotated[Path, typer.Argument(help="The new file for the sealed private key.")],
    passphrase: Passphrase,
) -> None:
    """Make a key pair: seal the private half into a file, print the public half's document."""
    if len(passphrase) < _SHORTEST:
        raise typer.BadParameter(f"The passphrase must have {_SHORTEST} characters or more.")
    if sealed.exists():
        raise typer.BadParameter(f"{sealed} exists; a key that is lost cannot be made again.")
    private, public = break_glass.make_key(passphrase)
    sealed.touch(mode=0o600)
    sealed.write_text(json.dumps(private, indent=1))
    typer.echo(json.dumps(public))


@app.command("token")
def token(  # noqa: PLR0917  # typer calls it by name
    sealed: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    passphrase: Passphrase,
    tenant: Annotated[str, typer.Option(help="For whose data it is good.")],
    who: Annotated[str, typer.Option(help="Names the person in the audit: a staff number.")],
    reason: Annotated[str, typer.Option(help="Why, in a sentence; the audit keeps it.")],
    audience: Annotated[str, typer.Option(envvar="AUDIENCE")] = "sixfold",
    minutes: Annotated[int, typer.Option(min=1, max=240)] = 60,
    scope: Annotated[list[str] | None, typer.Option(help="Repeat it for several.")] = None,
) -> None:
    """Sign a credential that ends by itself, and print it."""
    try:
        private = break_glass.unseal(json.loads(sealed.read_text()), passphrase)
        made = break_glass.sign(
            private,
            tenant=tenant,
            who=who,
            reason=reason,
            audience=audience,
            now=datetime.now(UTC),
            lasts=timedelta(minutes=minutes),
            scopes=scope or break_glass.SCOPES,
        )
    except (WrongPassphrase, NotForEmergencies, ValueError) as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(made)
