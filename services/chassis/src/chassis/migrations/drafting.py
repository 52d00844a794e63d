"""Write a revision from today's tables, as explicit statements that tomorrow cannot change."""

import importlib
import subprocess
import sys
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData

from chassis.migrations import config_for, folder_of, migrate, opened


class NothingDrafted(Exception):
    """Alembic wrote no revision."""


def draft_revision(
    package: str, metadata: MetaData, message: str, *, elsewhere: Collection[str] = ()
) -> Path:
    """Write the revision that leads from the newest one to today's tables; read it, then keep it.

    The file names every column itself and never imports ``metadata``, so that it
    still does the same when the tables have moved on.  Triggers, policies and
    partitions are added by hand.

    Args:
        package: Gets the file in its folder ``migrations``, made where missing.
        metadata: The tables as they are to be.
        message: What changes, as in ``Add the order book``.
        elsewhere: Tables that a revision creates by hand.

    Raises:
        NothingDrafted: Alembic wrote no file.
    """
    _make_folder(package)
    know_all_tables(package)
    with TemporaryDirectory() as scratch:
        url = f"sqlite:///{scratch}/draft.sqlite"
        migrate(url, package)
        with opened(url) as db:
            config = config_for(package, connection=db, metadata=metadata, elsewhere=elsewhere)
            number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
            written = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
    if written is None or isinstance(written, list):
        raise NothingDrafted(message)
    return _formatted(Path(written.path))


def know_all_tables(package: str) -> None:
    """Load a service whole: modules of its topics add their tables when they are imported.

    A table that isn't known would be drafted as one to drop.
    """
    if find_spec(f"{package}.bootstrap"):
        importlib.import_module(f"{package}.bootstrap")


def _make_folder(package: str) -> None:
    parent = Path(importlib.import_module(package).__path__[0])
    marker = parent / "migrations" / "__init__.py"
    if not marker.exists():
        marker.parent.mkdir(exist_ok=True)
        marker.write_text('"""Revisions of the schema, oldest first."""\n')
        importlib.invalidate_caches()
    folder_of(package)


def _formatted(path: Path) -> Path:
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")))
    if find_spec("ruff"):
        ruff = [sys.executable, "-m", "ruff"]
        for fix in (["check", "--fix", "--quiet"], ["format", "--quiet"]):
            subprocess.run([*ruff, *fix, str(path)], check=False, capture_output=True)  # noqa: S603  # our own file
    return path
