"""Nothing that a drill restored outlives it, however it ended."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from backed_place import Place
from chassis.testing.servers import PrivatePostgreSQL
from sixfold.drill_ground import ALIVE, FOLDER, sweep_databases, sweep_folders

HOLD = """
import time
from pathlib import Path
from chassis.backup.files import scratch_folder
from sixfold import backing_up, drill_ground, main
from sixfold.backup_settings import BackupSettings

@main.app.command()
def hold_drill():
    settings = BackupSettings(directory=Path("/nowhere"))
    with backing_up.reported(settings, "drill"):
        with drill_ground.ground_for(settings.shelf.newest(), settings.drill_server):
            held()

@main.app.command()
def hold_copy():
    with scratch_folder():
        held()

def held():
    print("held", flush=True)
    time.sleep(600)

main.run()
"""


def holding(place: Place, temporary: Path, what: str = "drill") -> subprocess.Popen[str]:
    """Start a command that goes no further than its files; returns once they are there."""
    told = {**os.environ, **place.variables, "TMPDIR": str(temporary)}
    drill = subprocess.Popen(
        [sys.executable, "-c", HOLD, f"hold-{what}"], env=told, stdout=subprocess.PIPE, text=True
    )
    assert drill.stdout is not None
    assert drill.stdout.readline() == "held\n"
    return drill


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder for temporary files, of this process too."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_drill_that_is_told_to_end_leaves_nothing(place: Place, temporary: Path) -> None:
    """Whoever stops a job of the cluster would leave the keys of everybody on a disk."""
    place.run("create")
    with holding(place, temporary) as drill:
        assert list(temporary.iterdir())
        drill.send_signal(signal.SIGTERM)
        assert drill.wait(30) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []
    assert place.metric("drill", "last_run_ok") == 0


def test_a_copy_that_is_told_to_end_leaves_nothing(place: Place, temporary: Path) -> None:
    """A restore of keys that is stopped would leave them, opened, in a temporary folder."""
    with holding(place, temporary, "copy") as command:
        assert list(temporary.iterdir())
        command.send_signal(signal.SIGTERM)
        assert command.wait(30) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []


def test_the_next_drill_removes_what_a_killed_one_left(place: Place, temporary: Path) -> None:
    """Restored keys would outlive every promise to forget."""
    place.run("create")
    with holding(place, temporary) as living, holding(place, temporary) as drill:
        drill.kill()
        drill.wait(30)
        assert len(list(temporary.iterdir())) == 2
        place.run("drill")
        (left,) = temporary.iterdir()
        assert (left / ALIVE).exists(), "that of the one that lives"
        living.kill()
    assert sweep_folders(temporary) == [left]


def test_only_folders_of_drills_are_removed(temporary: Path) -> None:
    """Somebody else's files would go."""
    for name in (f"{FOLDER}begun", "other"):
        (temporary / name).mkdir()
    (temporary / "other" / ALIVE).touch()
    assert sweep_folders(temporary) == []


@pytest.fixture
def administrator(postgresql: PrivatePostgreSQL) -> Iterator[Connection]:
    engine = create_engine(postgresql.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as db:
        yield db
    engine.dispose()


@pytest.mark.servers
def test_databases_of_dead_drills_are_dropped_and_no_others(
    postgresql: PrivatePostgreSQL, administrator: Connection
) -> None:
    """The keys of everybody would stay on the server, or those of a drill under way would go."""
    dead, locked, used = "0000dead", "0000beef", "0000cafe"
    names = [f"sixfold_drill_{mark}_identity_keys" for mark in (dead, locked, used)]
    names.append("sixfold_drill_of_mine")
    for name in names:
        administrator.execute(text(f'CREATE DATABASE "{name}"'))
    living = [create_engine(postgresql.url(name)) for name in ("postgres", names[2])]
    try:
        with living[0].connect() as holding_a_lock, living[1].connect() as restoring:
            key = {"key": 0x51F0_D811 << 32 | int(locked, 16)}
            holding_a_lock.execute(text("SELECT pg_advisory_lock(:key)"), key)
            restoring.execute(text("SELECT 1"))
            assert sweep_databases(administrator) == names[:1]
        for engine in living:
            engine.dispose()
        wait_until_alone(administrator, names)
        assert sweep_databases(administrator) == sorted(names[1:3])
    finally:
        for name in names:
            administrator.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def wait_until_alone(db: Connection, names: list[str]) -> None:
    """Wait until the server has noticed that sessions ended."""
    asked = text("SELECT count(*) FROM pg_stat_activity WHERE datname = ANY(:names)")
    locks = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
    end = time.monotonic() + 30
    while db.execute(asked, {"names": names}).scalar() or db.execute(locks).scalar():
        assert time.monotonic() < end
        time.sleep(0.05)
