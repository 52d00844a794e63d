"""Writers of one SQLite file, one after the other."""

import subprocess
import sys
import threading
from pathlib import Path

from chassis.database import directly
from chassis.turns import Turns

WAITED = 20.0
_HOLDER = """
import sys
from pathlib import Path
from chassis.database import directly
from chassis.turns import Turns
with Turns(Path(sys.argv[1]), directly).turn():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_threads_and_other_connections_take_turns(tmp_path: Path) -> None:
    """Two writers at once would make SQLite refuse one of them."""
    inside: list[int] = []
    most: list[int] = []
    turns = [Turns(tmp_path / "turn", directly) for _ in range(2)]

    def write(mine: Turns) -> None:
        for _ in range(200):
            with mine.turn():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=write, args=(turns[n % 2],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAITED)

    assert (len(most), max(most)) == (1200, 1)


def test_a_holder_that_is_killed_gives_its_turn_back(tmp_path: Path) -> None:
    """A process that dies while it writes must not stop the others for ever."""
    file = tmp_path / "turn"
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    asked: list[object] = []

    def wait(call: object, *arguments: object) -> None:
        asked.append(call)
        holder.kill()
        call(*arguments)  # type: ignore[operator]  # it is flock

    with Turns(file, wait).turn():
        assert len(asked) == 1
    holder.communicate(timeout=WAITED)
