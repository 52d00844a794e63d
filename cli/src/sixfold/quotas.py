"""``sixfold quotas``: what tenants may do, and how much of it they have used."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from sixfold.arguments import DEFAULT, Directory, console
from sixfold.client import Clients
from sixfold.installation import Installation
from sixfold.parts import SERVICES

OPERATOR = "operator"
app = typer.Typer(no_args_is_help=True, help="How much a tenant may do.")
Tenant = Annotated[str, typer.Argument(metavar="TENANT")]
Limit = tuple[str, int | None]


def _limit(text: str) -> Limit:
    name, _, limit = text.partition("=")
    if limit != "none" and not limit.isdecimal():
        raise typer.BadParameter(f"{text!r} is not NAME=NUMBER or NAME=none.")
    return name, None if limit == "none" else int(limit)


@app.command("show")
def show(
    tenant: Tenant,
    directory: Directory = DEFAULT,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show how much of its quotas a tenant has used in each service."""
    found = used(_clients(directory), tenant)
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n")
    else:
        console.print(_table(found))


@app.command("set")
def set_limits(
    tenant: Tenant,
    limits: Annotated[
        list[str], typer.Argument(metavar="NAME=LIMIT...", help="LIMIT none: no limit.")
    ],
    reason: Annotated[str, typer.Option(help="Kept with what is set.")],
    directory: Directory = DEFAULT,
) -> None:
    """Say how much a tenant may do, in place of all that was said before."""
    said = put(_clients(directory), tenant, [_limit(text) for text in limits], reason)
    for one in said["limits"]:
        console.print(f"{one['name']}: {'no limit' if one['limit'] is None else one['limit']}")


def used(clients: Clients, tenant: str) -> list[dict[str, Any]]:
    """Return what each service says of a tenant's quotas."""
    return [clients[name].get(f"/internal/v1/tenants/{tenant}/quotas") for name in SERVICES]


def put(clients: Clients, tenant: str, limits: list[Limit], reason: str) -> Any:
    """Set a tenant's quotas; return what is set now."""
    named = [{"name": name, "limit": limit} for name, limit in limits]
    body = {"limits": named, "reason": reason}
    return clients["identity"].replace(f"/internal/v1/tenants/{tenant}/limits", body)


def _clients(directory: Path) -> Clients:
    return Installation(directory=directory).clients(OPERATOR)


def _table(found: list[dict[str, Any]]) -> Table:
    table = Table("service", "quota", "limit", "used", "until")
    for at in found:
        for quota in at["quotas"]:
            ends = quota["ends"] or ""
            numbers = str(quota["limit"]), str(quota["used"])
            table.add_row(at["service"], quota["name"], *numbers, ends)
    return table
