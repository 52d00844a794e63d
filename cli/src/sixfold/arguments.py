"""Arguments that many commands take, and where all of them print."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sixfold.stack import PACKAGES

DEFAULT = Path(".run/demo")
Directory = Annotated[
    Path, typer.Option("--stack", help="Directory of the running stack.", envvar="SIXFOLD_STACK")
]
console = Console(highlight=False, soft_wrap=True)


def _service(name: str) -> str:
    if name not in PACKAGES:
        raise typer.BadParameter(f"{name!r} is none of {', '.join(PACKAGES)}.")
    return name


Service = Annotated[str, typer.Argument(parser=_service, metavar="SERVICE")]
OptionalService = Annotated[
    str | None, typer.Argument(parser=_service, help="One service; all by default.")
]
_SEGMENTS = typer.Option(
    "--segments", help="Directory or s3:// address of the archive.", envvar="SIXFOLD_SEGMENTS"
)
Place = Annotated[str, _SEGMENTS]
Segments = Annotated[str | None, _SEGMENTS]
