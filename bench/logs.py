"""Logs to measure: a fresh one in a database, and the process that numbers it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from chassis.database import Database
from chassis.isolation import Roles
from chassis.isolation.securing import secure
from chassis.leadership import BEAT_SECONDS, Leadership, beat_all
from chassis.log import Draft
from chassis.log_postgresql_schema import SCHEMA_V1
from chassis.loops import Loop, Loops
from chassis.roles import LOCKS, sequencer_loop
from chassis.storage import head_of
from chassis.testing.three_roles import divided

DRAFT = Draft(type="thing_happened", schema_version=1, subjects=(), data=b'{"n":1}' * 20)
DEADLINE = 60.0


@contextmanager
def fresh_log(url: str, *more: str, pool_size: int = 10) -> Iterator[Database]:
    """Open a database with an empty log and whatever ``more`` statements make."""
    database = Database(url, pool_size=pool_size)
    with database.begin() as db:
        for statement in (*SCHEMA_V1, *more):
            db.execute(text(statement))
    yield database
    database.close()


@contextmanager
def divided_log(url: str, *more: str, pool_size: int = 10) -> Iterator[tuple[Database, Database]]:
    """Do the same with three roles, as an installation has them.

    Yields:
        The database as the application, whose transactions are bound, and as the system.
    """
    roles = Roles.named("sixfold_bench")
    addresses = divided(url, roles)
    with fresh_log(addresses.owner, *more) as owner, owner.begin() as db:
        secure(db, roles)
    application = Database(addresses.application, pool_size=pool_size)
    system = Database(addresses.system)
    yield application, system
    application.close()
    system.close()


@contextmanager
def numbered(database: Database) -> Iterator[None]:
    """Have a log numbered meanwhile as the relay does it: in a process of its own.

    Args:
        database: As the system role, where there are three.
    """
    url = database.url
    program = [sys.executable, "-m", "bench.logs", url]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as sequencer:  # noqa: S603
        assert sequencer.stdout is not None  # noqa: S101  # a pipe was asked for
        sequencer.stdout.readline()
        yield
        sequencer.send_signal(signal.SIGTERM)


def wait_for_head(database: Database, position: int) -> None:
    """Wait until so many events have their positions; raises TimeoutError."""
    deadline = time.monotonic() + DEADLINE
    while head_of(database) < position:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{head_of(database)} of {position} events were numbered")
        time.sleep(0.001)


def main(url: str) -> None:
    """Run the sequencer of a log until SIGTERM."""
    leadership = Leadership(Database(url), LOCKS["sequencer"], "sequencer")
    pulse = Loop(name="leader", step=lambda: beat_all([leadership]), idle=BEAT_SECONDS)
    loops = Loops([sequencer_loop(leadership), pulse])
    signal.signal(signal.SIGTERM, lambda *_: loops.ask_to_stop())
    loops.start()
    print("numbering", flush=True)  # the one who started it waits for this
    loops.wait()
    loops.stop()


if __name__ == "__main__":
    main(sys.argv[1])
