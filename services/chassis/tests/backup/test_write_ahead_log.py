"""PostgreSQL's own log brings a database back to any moment, as the runbook says it."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from archived_logs import fill
from chassis.backup.forgetting import confirmed_in, destroy_again
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.erasure_list import ErasureList
from chassis.ids import new_id
from chassis.key_store import SqlKeys
from chassis.log_verify import verify
from chassis.migrations import migrate
from chassis.storage import log_on
from chassis.testing.programs import find_postgresql
from chassis.testing.servers import USER, PrivatePostgreSQL, rights
from copied_services import PRODUCER

pytestmark = pytest.mark.servers
MASTER, SECRET = b"m" * 32, b"s" * 32
BEFORE, UNTIL, AFTER = 60, 30, 40
DEADLINE = 120.0


class Archiving(PrivatePostgreSQL):
    """A server that archives its log, or begins from a base backup and an archive."""

    def __init__(self, directory: Path, archive: Path, target: str | None = None) -> None:
        super().__init__(directory, fsync=False)
        self.archive = archive
        self._target = target

    def _options(self) -> list[str]:
        settings = {
            "archive_mode": "on",
            "archive_command": f"test ! -f {self.archive}/%f && cp %p {self.archive}/%f",
        }
        if self._target is not None:
            settings = {
                "restore_command": f"cp {self.archive}/%f %p",
                "recovery_target_time": self._target,
                "recovery_target_action": "promote",
            }
        more = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [*super()._options(), *more]

    def ask(self, question: str) -> str:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            found = connection.execute(question.encode()).fetchone()
        return str(found[0] if found else "")

    def wait(self, question: str) -> None:
        """Wait until the answer to a question is yes."""
        end = time.monotonic() + DEADLINE
        while self.ask(question) != "True":
            assert time.monotonic() < end, question
            time.sleep(0.1)

    def base_backup(self, target: Path) -> None:
        program = find_postgresql()
        words = [str(program.bin / "pg_basebackup"), "-h", str(self.directory), "-U", USER]
        as_owner = ["setpriv", *rights()] if rights() else []
        command = [*as_owner, *words, "-D", str(target), "-X", "none", "-c", "fast", "--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        assert not done.returncode, done.stderr


@pytest.fixture
def archiving(server_directory: Path) -> Iterator[Archiving]:
    folder = server_directory / f"wal-{time.time_ns()}"
    folder.mkdir(parents=True)
    server = Archiving(folder / "live", folder / "archive")
    server.directory.mkdir(parents=True, exist_ok=True)
    server.archive.mkdir()
    server.archive.chmod(0o777)
    folder.chmod(0o777)
    server.start()
    yield server
    server.close()


def test_a_database_comes_back_to_a_moment(archiving: Archiving) -> None:
    """What was recorded since the night would be lost with the server."""
    url, keys_url = (archiving.database(name) for name in (PRODUCER, "keys"))
    migrate(url, PRODUCER)
    migrate(keys_url, "chassis.key_store")
    with closing(Database(url)) as database, closing(Database(keys_url)) as kept:
        keys = SqlKeys(kept, master_key=MASTER, clock=SystemClock())
        keys.seal_key("acme", "person-1")
        fill(database, BEFORE)
        base = archiving.directory / "base"
        archiving.base_backup(base)
        fill(database, UNTIL, before=BEFORE)
        moment = archiving.ask("SELECT clock_timestamp()")
        time.sleep(0.05)  # so that what follows has a later time than the target
        listing = ErasureList(
            address=str(archiving.directory / "list"), secret=SECRET, service=PRODUCER
        )
        listing.add(
            tenant="acme", request_id=new_id(), subjects=["person-1"], now=SystemClock().now()
        )
        keys.destroy("acme", "person-1")
        fill(database, AFTER, before=BEFORE + UNTIL)
    last = archiving.ask("SELECT pg_walfile_name(pg_switch_wal())")
    archived = f"SELECT coalesce(last_archived_wal >= '{last}', false) FROM pg_stat_archiver"  # noqa: S608  # the server's own name
    archiving.wait(archived)
    archiving.stop()

    (base / "recovery.signal").touch()
    elsewhere = archiving.directory.with_name("elsewhere")
    elsewhere.mkdir()
    base.rename(elsewhere / "data")
    with Archiving(elsewhere, archiving.archive, moment) as restored:
        restored.wait("SELECT NOT pg_is_in_recovery()")
        with closing(Database(restored.url(PRODUCER))) as database:
            with database.read() as db:
                assert verify(log_on(db)).events == BEFORE + UNTIL
            fill(database, 5, before=BEFORE + UNTIL)
            with database.read() as db:
                assert verify(log_on(db)).events == BEFORE + UNTIL + 5
        with closing(Database(restored.url("keys"))) as kept:
            keys = SqlKeys(kept, master_key=MASTER, clock=SystemClock(), seconds=0)
            assert keys.open_key("acme", "person-1") is not None, "the log brings keys back"
            done = destroy_again(
                {PRODUCER: restored.url("keys")}, listing.entries(), master_key=MASTER,
                confirmed={PRODUCER: confirmed_in(restored.url(PRODUCER))},
            )  # fmt: skip
            assert done == {PRODUCER: 1}
            assert keys.open_key("acme", "person-1") is None
        assert confirmed_in(restored.url(PRODUCER)) == []
