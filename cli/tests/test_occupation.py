"""One stack to a directory."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sixfold.occupation import Occupation, Occupied
from sixfold.stack import Stack

HOLD = """
import sys
from pathlib import Path
from sixfold.occupation import Occupation

held = Occupation(Path(sys.argv[1]))
held.begin()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_stack_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    """A second `make demo` would remove the databases under the running one."""
    directory = tmp_path / "demo"
    first = Occupation(directory)
    first.begin()
    kept = directory / "data" / "loop.db"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with (
        pytest.raises(Occupied, match=rf"runs in {directory} \(process {os.getpid()}\); stop it"),
        Stack(directory, start_at=datetime(2024, 1, 1, tzinfo=UTC)),
    ):
        pass
    assert kept.exists()
    first.end()


def test_a_directory_that_was_given_back_can_be_taken(tmp_path: Path) -> None:
    """The demonstration could run once only."""
    first, second = Occupation(tmp_path / "demo"), Occupation(tmp_path / "demo")
    first.begin()
    first.end()
    second.begin()
    with pytest.raises(Occupied):
        first.begin()
    second.end()


def test_stacks_in_different_directories_run_side_by_side(tmp_path: Path) -> None:
    """Nobody could look at two installations at once."""
    first, second = Occupation(tmp_path / "one"), Occupation(tmp_path / "two")
    first.begin()
    second.begin()
    assert (tmp_path / "one.lock").exists()
    assert (tmp_path / "two.lock").exists()
    first.end()
    second.end()


def test_what_a_killed_process_held_is_free_again(tmp_path: Path) -> None:
    """After a power cut the demonstration would refuse to start."""
    directory = tmp_path / "demo"
    argv = [sys.executable, "-c", HOLD, str(directory)]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        occupation = Occupation(directory)
        with pytest.raises(Occupied, match=rf"process {process.pid}\b"):
            occupation.begin()
        process.kill()
        process.wait()
    occupation.begin()
    assert (tmp_path / "demo.lock").read_text() == f"{os.getpid()}\n"
    occupation.end()
