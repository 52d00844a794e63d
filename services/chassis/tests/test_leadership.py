"""One sequencer numbers a PostgreSQL log, another takes over, and never do two fork it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from bus_service import greet, storage_at
from chassis.database import Database
from chassis.errors import Unavailable
from chassis.leadership import Leadership, beat_all
from chassis.log_verify import verify
from chassis.loops import Loop
from chassis.roles import LOCKS, sequencer_loop
from chassis.sequencer import sequence
from chassis.storage import Storage
from service_process import wait_for

pytestmark = pytest.mark.servers
DEADLINE = 20.0


@pytest.fixture
def storage(postgresql_url: str) -> Iterator[Storage]:
    storage = storage_at(postgresql_url)
    yield storage
    storage.database.close()


@pytest.fixture
def neighbour(storage: Storage) -> Iterator[Storage]:
    neighbour = replace(storage, database=Database(storage.database.url))
    yield neighbour
    neighbour.database.close()


def leadership(storage: Storage) -> Leadership:
    """Return a replica's claim; it asks for the lock at each step, and not now and then."""
    return Leadership(storage.database, LOCKS["sequencer"], "sequencer", try_seconds=0)


def numbering(storage: Storage) -> Loop:
    return sequencer_loop(leadership(storage))


def positions(storage: Storage) -> list[int]:
    with storage.system.read() as db:
        return [event.position for event in storage.log(db).after(0, limit=1000)]


def kill_leader(storage: Storage) -> None:
    """End the connection that holds the lock, as a failing network would."""
    with storage.system.begin() as db:
        ended = db.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_locks "
                "WHERE locktype = 'advisory' AND objid = :key AND granted"
            ),
            {"key": LOCKS["sequencer"]},
        ).all()
    assert len(ended) == 1


def test_of_two_leaders_one_works(storage: Storage, neighbour: Storage) -> None:
    """A second replica waits its turn."""
    first, second = numbering(storage), numbering(neighbour)
    greet(storage, "a", [1])
    assert first.step() == 1
    greet(storage, "a", [2])

    assert second.step() == 0
    assert first.step() == 1

    assert positions(storage) == [1, 2]
    first.close()
    second.close()


def test_an_idle_leader_asks_one_question(storage: Storage) -> None:
    """A quiet installation would keep its database busy with questions."""
    loop, asked = numbering(storage), list[str]()
    greet(storage, "a", [1])
    assert loop.step() == 1

    def note(_db: object, _cursor: object, statement: str, *_more: object) -> None:
        asked.append(statement)

    event.listen(storage.database.engine, "before_cursor_execute", note)
    assert loop.step() == 0
    assert len(asked) == 1
    loop.close()


def test_a_leader_that_leaves_hands_over(storage: Storage, neighbour: Storage) -> None:
    """A deployment does not stop the numbering."""
    first, second = numbering(storage), numbering(neighbour)
    greet(storage, "a", [1])
    first.step()
    first.close()

    greet(storage, "a", [2])
    wait_for(lambda: second.step() == 1, "the other numbers", DEADLINE)
    second.close()


def test_a_leader_that_lost_its_connection_hands_over(storage: Storage, neighbour: Storage) -> None:
    """A cut connection costs a moment; the old leader knows that it is none any more."""
    first, second = leadership(storage), numbering(neighbour)
    assert first.acquire()
    greet(storage, "a", [1])
    assert second.step() == 0

    kill_leader(neighbour)

    wait_for(lambda: second.step() == 1, "the other numbers", DEADLINE)
    with pytest.raises(Unavailable):
        first.acquire()
    first.release()
    assert not first.acquire()
    second.close()
    wait_for(first.acquire, "the first leads again", DEADLINE)
    first.release()


def test_two_that_both_believe_to_lead_never_fork_the_log(
    storage: Storage, neighbour: Storage
) -> None:
    """Even without the lock no event gets two positions and no position two events."""
    numbers = range(60)
    ready = threading.Barrier(2)
    refused: list[Exception] = []

    def lead(mine: Storage) -> None:
        ready.wait(DEADLINE)
        while len(positions(mine)) < len(numbers):
            try:
                with mine.database.engine.begin() as db:
                    sequence(db, limit=3)
            except IntegrityError as error:
                refused.append(error)

    greet(storage, "a", numbers)
    threads = [threading.Thread(target=lead, args=(mine,)) for mine in (storage, neighbour)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)

    assert positions(storage) == list(range(1, 61))
    with storage.system.read() as db:
        assert verify(storage.log(db)).events == 60
        assert storage.log(db).unplaced() == 0


def test_a_leader_frozen_in_its_transaction_is_undone(storage: Storage, neighbour: Storage) -> None:
    """A paused machine neither holds up the numbering nor forks it when it goes on."""
    frozen = Leadership(storage.database, LOCKS["sequencer"], "sequencer", silent_seconds=0.3)
    second = numbering(neighbour)
    greet(storage, "a", [1, 2])
    assert frozen.acquire()

    def number_slowly() -> None:
        with frozen.begin() as db:
            assert sequence(db) == 2
            wait_for(lambda: second.step() == 2, "the other numbers", DEADLINE)

    with pytest.raises(Unavailable):
        number_slowly()

    assert positions(neighbour) == [1, 2]
    assert not frozen.acquire()
    frozen.release()
    second.close()


def test_a_silent_leader_is_none_for_long(storage: Storage, neighbour: Storage) -> None:
    """A frozen process gives its role up without anybody's help."""
    silent = Leadership(storage.database, LOCKS["sequencer"], "sequencer", silent_seconds=0.3)
    second = leadership(neighbour)
    assert silent.acquire()
    assert not second.acquire()

    wait_for(second.acquire, "the other leads", DEADLINE)

    with pytest.raises(Unavailable), silent.begin():
        pytest.fail("it has no transaction any more")
    second.release()


def test_a_busy_leader_stays_one_while_it_beats(storage: Storage, neighbour: Storage) -> None:
    """A publisher that waits for a full broker is not taken for a frozen one."""
    busy = Leadership(storage.database, LOCKS["sequencer"], "sequencer", silent_seconds=0.5)
    second = leadership(neighbour)
    assert busy.acquire()
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        beat_all([busy])
        assert not second.acquire()
        time.sleep(0.05)

    assert busy.acquire()
    busy.release()
    second.release()
