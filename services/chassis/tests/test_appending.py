"""Appends that share a commit keep every promise of an append that is alone."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from bus_service import Greeted, metadata, seen, storage_at
from chassis import group_commit
from chassis.appending import Appending
from chassis.context import Context
from chassis.database import Database
from chassis.errors import Conflict, Invalid
from chassis.log import Append, Appended, CommandReused, Log
from chassis.log_postgresql import PostgresqlLog
from chassis.log_verify import verify
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT

pytestmark = pytest.mark.servers
WRITERS = 16
DEADLINE = 20.0


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch wait long enough that neighbours are in it on the slowest machine."""
    monkeypatch.setattr(group_commit, "GATHER_SECONDS", 0.05)


@pytest.fixture
def storage(postgresql_url: str) -> Iterator[Storage]:
    storage = storage_at(postgresql_url)
    yield storage
    storage.database.close()


def append(
    storage: Storage, stream: str, version: int = 0, of: Context | None = None, count: int = 1
) -> Appended:
    wanted = Append(stream=stream, expected_version=version, drafts=[DRAFT] * count)
    return storage.appending.append(of or context(), [wanted], recorded_at=NOW)


def at_once(storage: Storage, appends: list[Append]) -> list[object]:
    """Append from a thread each, at the same moment; return what came of it."""
    barrier = threading.Barrier(len(appends))

    def write(wanted: Append) -> object:
        barrier.wait(DEADLINE)
        try:
            return storage.appending.append(context(), [wanted], recorded_at=NOW)
        except (Conflict, Invalid) as error:
            return type(error).__name__

    with ThreadPoolExecutor(len(appends)) as pool:
        return list(pool.map(write, appends))


@contextmanager
def log_of(storage: Storage) -> Iterator[Log]:
    with storage.system.begin() as db:
        while sequence(db):
            pass
        yield PostgresqlLog(db)


def transactions(storage: Storage) -> int:
    """Return how many transactions wrote the events of the log."""
    with storage.system.read() as db:
        return int(db.execute(text("SELECT count(DISTINCT xmin::text) FROM events")).scalar_one())


def test_neighbours_share_commits_and_nothing_is_lost(storage: Storage) -> None:
    """Sixteen clients at once wait for the disk a few times, and each finds its event."""

    def write(writer: int) -> None:
        for number in range(25):
            written = append(storage, f"thing-{writer}", number * 2, count=2)
            assert [event.version for event in written.events] == [number * 2 + 1, number * 2 + 2]

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))

    assert transactions(storage) < WRITERS * 25 / 2
    with log_of(storage) as log:
        assert verify(log).events == WRITERS * 50
        assert len(log.stream("acme", "thing-3")) == 50


def test_of_eight_writers_of_one_version_one_wins(storage: Storage) -> None:
    """The last unit in stock cannot be sold twice because two buyers shared a commit."""
    append(storage, "stock-1")
    wanted = Append(stream="stock-1", expected_version=1, drafts=[DRAFT])

    outcomes = Counter(map(str, map(type, at_once(storage, [wanted] * 8))))

    assert sorted(outcomes.values()) == [1, 7]
    with log_of(storage) as log:
        assert len(log.stream("acme", "stock-1")) == 2


def test_one_that_is_late_does_not_harm_its_neighbours(storage: Storage) -> None:
    """A conflict is the answer to one request, whoever shared its commit."""
    append(storage, "order-0")
    appends = [Append(stream=f"order-{n}", expected_version=0, drafts=[DRAFT]) for n in range(8)]

    found = at_once(storage, appends)

    assert found[0] == "Conflict"
    assert all(isinstance(one, Appended) and not one.repeated for one in found[1:])


def test_one_that_cannot_be_stored_does_not_harm_its_neighbours(storage: Storage) -> None:
    """A request with an impossible date is refused; those beside it are recorded."""
    never = datetime(9999, 6, 1, tzinfo=UTC)
    appends = [Append(stream=f"order-{n}", expected_version=0, drafts=[DRAFT]) for n in range(8)]

    found = at_once(storage, [replace(appends[0], occurred_at=never), *appends[1:]])

    assert found[0] == "Invalid"
    assert all(isinstance(one, Appended) for one in found[1:])
    with log_of(storage) as log:
        assert verify(log).events == 7


def test_a_repeated_command_returns_the_first_result(storage: Storage) -> None:
    """A client that retries after a lost answer causes nothing twice, late or not."""
    once = context()
    first = append(storage, "order-1", of=once)
    for version in (0, 1):
        again = append(storage, "order-1", version, of=once)
        assert (again.repeated, again.spans, again.events) == (True, first.spans, ())
    with pytest.raises(CommandReused):
        append(storage, "order-1", 0, of=context(command=b"other", command_id=once.command_id))
    with log_of(storage) as log:
        assert verify(log).events == 1


def test_a_stream_that_somebody_holds_does_not_hold_its_neighbours(storage: Storage) -> None:
    """One slow transaction delays those who want its stream, and nobody else for long."""
    append(storage, "order-1")
    with ThreadPoolExecutor(2) as pool:
        with storage.system.begin() as db:
            wanted = Append(stream="order-1", expected_version=1, drafts=[DRAFT])
            PostgresqlLog(db).append(context(), [wanted], recorded_at=NOW)
            waits = pool.submit(append, storage, "order-1", 1)
            assert not pool.submit(append, storage, "order-2").result(DEADLINE).repeated
            assert not waits.done()
        with pytest.raises(Conflict):
            waits.result(DEADLINE)


def test_a_lost_connection_costs_nothing_but_a_new_one(storage: Storage) -> None:
    """A database that was restarted is written to again without a restart of ours."""
    append(storage, "order-1")
    with storage.system.begin() as db:
        db.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    assert not append(storage, "order-2").repeated
    with log_of(storage) as log:
        assert verify(log).events == 2


def test_a_use_case_that_only_appends_shares_its_commit(storage: Storage) -> None:
    """Use cases that only record facts are carried to the disk together."""
    barrier, deadline, written = threading.Barrier(8), time.monotonic() + DEADLINE, 0

    def use(number: int) -> None:
        with storage.begin(context()) as work:
            work.add(f"greeting-{number}", [Greeted(number=number)])
            barrier.wait(DEADLINE)

    with ThreadPoolExecutor(8) as pool:
        # On a busy machine eight may come one after the other.
        while transactions(storage) == written:
            assert time.monotonic() < deadline
            list(pool.map(use, range(written, written + 8)))
            written += 8

    with log_of(storage) as log:
        assert verify(log).events == written


def greet_and_note(storage: Storage, stream: str) -> None:
    with storage.begin(context()) as work:
        work.db.execute(seen.insert().values(stream=stream, number=2))
        work.add(stream, [Greeted(number=2)])


def test_a_use_case_that_also_writes_keeps_its_one_transaction(storage: Storage) -> None:
    """A row that belongs to an event is there with it, or not at all."""
    with storage.begin(context()) as work:
        work.add("greeting-1", [Greeted(number=1)])
    with pytest.raises(Conflict):
        greet_and_note(storage, "greeting-1")
    with storage.system.read() as db:
        assert db.execute(metadata.tables["seen"].select()).all() == []


def test_a_rested_connection_that_died_is_replaced(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request of the morning does not fail because the database was restarted."""
    monkeypatch.setattr("chassis.database.RESTED_SECONDS", 0.0)
    database = Database(storage.database.url)
    with database.begin() as db:
        pid = db.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with storage.system.begin() as db:
        db.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with database.begin() as db:
        assert db.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid
    database.close()


def test_embedded_appends_keep_the_same_promises(tmp_path: object) -> None:
    """The demo records what production records."""
    database = Database(f"sqlite:///{tmp_path}/log.db")
    storage = storage_at(database.url)
    appending, once = Appending(storage.database), context(now=NOW + timedelta(days=1))
    wanted = Append(stream="order-1", expected_version=0, drafts=[DRAFT])
    assert not appending.append(once, [wanted], recorded_at=NOW).repeated
    assert appending.append(once, [wanted], recorded_at=NOW).repeated
    with pytest.raises(Conflict):
        appending.append(context(), [wanted], recorded_at=NOW)
    storage.database.close()


GREEN = """
import sys
import eventlet
eventlet.monkey_patch()
from chassis.appending import Appending
from chassis.database import Database
from chassis.log import Append
from chassis.testing.contexts import NOW, context
from chassis.testing.log_contract import DRAFT

database = Database(sys.argv[1])
appending, ticks = Appending(database), []

def write(writer):
    for number in range(20):
        wanted = Append(stream=f"thing-{writer}", expected_version=number, drafts=[DRAFT])
        appending.append(context(), [wanted], recorded_at=NOW)

def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.001)

beating = eventlet.spawn(tick)
pool = eventlet.GreenPool(16)
list(pool.imap(write, range(16)))
many = Append(stream="import-1", expected_version=0, drafts=[DRAFT] * 1000)
appending.append(context(), [many], recorded_at=NOW)
assert len(ticks) > 3, "nothing else ran meanwhile"
print("done")
"""


def test_a_worker_on_eventlet_shares_commits_and_imports(storage: Storage) -> None:
    """Requests in one worker are carried to the disk together, and none stops the others."""
    run = [sys.executable, "-c", GREEN, storage.database.url]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=DEADLINE * 3, check=False)
    assert ended.stdout == "done\n", ended.stderr
    assert transactions(storage) < 16 * 20 / 2
    with log_of(storage) as log:
        assert verify(log).events == 16 * 20 + 1000
