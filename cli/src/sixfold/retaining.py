"""``sixfold retention``: delete what has been kept long enough."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from chassis import retention
from chassis.retention import Terms
from sixfold.arguments import DEFAULT, Directory, console
from sixfold.backup import DatabasesFile
from sixfold.backup_settings import BackupSettings

app = typer.Typer(no_args_is_help=True, help="Delete what has been kept long enough.")


@app.callback()
def terms() -> None:
    """Delete what has been kept long enough; logs are kept for ever."""


@app.command("run")
def run(
    databases: DatabasesFile = None,
    directory: Directory = DEFAULT,
    answers_days: Annotated[
        float, typer.Option(min=1, help="Answers under an Idempotency-Key.")
    ] = 30,
    audit_days: Annotated[float, typer.Option(min=1, help="The list of the audit.")] = 400,
) -> None:
    """Delete old answers, old audit lines, and partitions whose events are in the segments."""
    settings = BackupSettings(directory=directory, databases_file=databases)
    kept = Terms(answers=timedelta(days=answers_days), audit=timedelta(days=audit_days))
    for service, gone in retention.run(settings.databases, kept, now=datetime.now(UTC)).items():
        console.print(
            f"{service}: {gone.answers} answers, {gone.audit} lines of audit"
            + (f", {', '.join(gone.tables)}" if gone.tables else "")
        )
