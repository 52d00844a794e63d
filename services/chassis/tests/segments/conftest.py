"""A log that is filled once for each file of tests, and an empty place for its segments."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from archived_logs import BLOCK, EVENTS, SERVICE, embedded_log, fill
from chassis import faults
from chassis.database import Database
from chassis.segments import archiving
from chassis.segments.store import Store, store_at


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every segment have several blocks; no test leaves a crash behind."""
    monkeypatch.setattr(archiving, "BLOCK", BLOCK)
    yield
    faults.set_hook(None)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a log that nobody changes."""
    folder = tmp_path_factory.mktemp("filled")
    database = embedded_log(folder)
    fill(database, EVENTS)
    database.close()
    return folder


@pytest.fixture
def log(filled: Path, tmp_path: Path) -> Iterator[Database]:
    """Return a copy of that log."""
    shutil.copytree(filled, tmp_path, dirs_exist_ok=True)
    database = Database(f"sqlite:///{tmp_path}/{SERVICE}.db")
    yield database
    database.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty place for its segments."""
    return store_at(str(tmp_path / "archive"), SERVICE)
