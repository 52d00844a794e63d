"""Hot streams on a real PostgreSQL: several processes, some killed, sell what is there."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import event, text

from bus_service import storage_at
from chassis.errors import Conflict
from chassis.log_postgresql import PostgresqlLog
from chassis.log_verify import verify
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import context
from chassis.testing.servers import PrivatePostgreSQL
from hot_tickets import EVENING, SEATS, SoldOut, Take, asking, opened, take_each

pytestmark = pytest.mark.servers
DEADLINE = 60.0


@pytest.fixture
def storage(postgresql_url: str) -> Iterator[Storage]:
    storage = storage_at(postgresql_url)
    yield storage
    storage.database.close()


def buyers(storage: Storage, first: int, last: int, **settings: str) -> subprocess.Popen[str]:
    """Start a process of eight threads that take a seat for each number."""
    url = storage.database.url
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-m", "hot_tickets", url, str(first), str(last)],
        env={**os.environ, "PYTHONPATH": here, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def had(process: subprocess.Popen[str]) -> int:
    """Return how many seats a process was told it had."""
    told, trouble = process.communicate(timeout=DEADLINE)
    assert process.returncode == 0, trouble
    return int(told)


def sold(storage: Storage, evening: object = "tonight") -> list[int]:
    """Check the whole log, and return the seats of an evening in the order of their versions."""
    with storage.system.begin() as db:
        while sequence(db):
            pass
        log = PostgresqlLog(db)
        verify(log)
        stored = log.stream("acme", f"evening-{evening}")
    assert [one.version for one in stored] == list(range(1, len(stored) + 1))
    assert len({one.command_id for one in stored}) == len(stored)
    return [storage.registry.decode(one, storage.keys).number for one in stored]


def commands(storage: Storage) -> int:
    with storage.system.read() as db:
        return int(db.execute(text("SELECT count(*) FROM commands")).scalar_one())


def test_processes_take_turns_and_sell_what_is_there(storage: Storage) -> None:
    """A drop on three machines would sell a seat twice, or stop before the last."""
    sellers = [buyers(storage, 100 * n, 100 * n + 60) for n in range(3)]
    ordinary = 0
    for number in range(1000, 1005):
        # Who decides for himself waits for his turn too, and loses to nobody.
        with storage.begin(asking(number, 1)) as work:
            try:
                work.execute(EVENING, "tonight", Take(seats=1))
                ordinary += 1
            except SoldOut:
                pass

    assert sum(map(had, sellers)) + ordinary == SEATS
    assert sold(storage) == list(range(1, SEATS + 1))


def test_who_is_told_twice_has_one_seat(storage: Storage) -> None:
    """Two processes that serve one buyer's two clicks would give him two seats."""
    sellers = [buyers(storage, 0, 30) for _ in range(2)]

    assert [had(one) for one in sellers] == [30, 30]
    assert sold(storage) == list(range(1, 31))
    assert commands(storage) == 30


@pytest.mark.parametrize("point", ["hot.written:2", "hot.committed:3"])
def test_a_killed_process_loses_and_doubles_nothing(storage: Storage, point: str) -> None:
    """A machine that dies in the middle of a batch would take seats, or buyers, with it."""
    take_each(storage, range(500, 505), threads=1)
    dies = buyers(storage, 0, 30, CRASH_AT=point)
    dies.communicate(timeout=DEADLINE)
    assert dies.returncode == -9
    between = len(sold(storage))

    assert had(buyers(storage, 0, 30)) == 30
    assert 5 <= between < 35
    assert sold(storage) == list(range(1, 36))
    assert commands(storage) == 35


def test_a_stream_is_begun_once(storage: Storage) -> None:
    """Of the first two buyers of an evening one would be refused, or both have the first seat."""
    others = opened(storage.database.url)
    barrier = threading.Barrier(2)

    def begin(place: Storage, evening: int) -> None:
        barrier.wait(DEADLINE)
        for _ in range(3):
            try:
                place.hot.execute(context(), EVENING, evening, Take(seats=2))
            except Conflict:
                continue
            return

    with ThreadPoolExecutor(2) as pool:
        for evening in range(20):
            list(pool.map(begin, (storage, others), (evening, evening)))

    assert [seats(storage, evening) for evening in range(20)] == [[1, 2, 3, 4]] * 20
    others.database.close()


def seats(storage: Storage, evening: object) -> list[int]:
    with storage.system.read() as db:
        stored = storage.log(db).stream("acme", f"evening-{evening}")
    return [storage.registry.decode(one, storage.keys).number for one in stored]


def test_buyers_in_one_process_share_transactions(storage: Storage) -> None:
    """A thousand buyers would wait for the disk a thousand times."""
    numbers = count(1)
    assert take_each(storage, [next(numbers) for _ in range(SEATS)], threads=16) == SEATS

    with storage.system.read() as db:
        transactions = db.execute(
            text("SELECT count(DISTINCT xmin::text) FROM events")
        ).scalar_one()
    assert transactions < SEATS / 2


def noted_transactions(storage: Storage) -> list[object]:
    """Return a list of all transactions from now on; a statement that is one by itself is none."""
    opened: list[object] = []
    event.listen(storage.database.engine, "begin", opened.append)
    return opened


def test_a_kept_state_spares_holding_the_stream(storage: Storage) -> None:
    """Every batch would pay four round trips, where nobody else writes and one would do."""
    take_each(storage, range(20), threads=1)
    transactions = noted_transactions(storage)

    assert take_each(storage, range(20, 30), threads=4) == 10
    assert transactions == []
    assert sold(storage) == list(range(1, 31))


def test_who_repeats_himself_is_answered_whatever_state_is_kept(storage: Storage) -> None:
    """Decided anew, a buyer would have a second seat, or hear that the evening is sold out."""
    take_each(storage, range(SEATS - 1), threads=1)
    for _ in range(2):
        again = storage.hot.execute(asking(3, 1), EVENING, "tonight", Take(seats=1))
        assert (again.repeated, again.version, [one.number for one in again.events]) == (
            True,
            4,
            [4],
        )
        storage.hot.execute(asking(SEATS, 1), EVENING, "tonight", Take(seats=1))
    with pytest.raises(SoldOut):
        storage.hot.execute(asking(SEATS + 1, 1), EVENING, "tonight", Take(seats=1))
    assert sold(storage) == list(range(1, SEATS + 1))


def test_a_state_of_another_log_is_not_decided_on(
    storage: Storage, postgresql: PrivatePostgreSQL
) -> None:
    """After a restore of an older copy, commands would stand on events that never happened."""
    take_each(storage, range(20), threads=1)
    restored = storage_at(postgresql.database("restored"))
    take_each(restored, range(100, 120), threads=1)
    told, transactions = replace(restored, states=storage.states), noted_transactions(restored)

    take_each(told, [200], threads=1)
    assert len(transactions) == 1
    assert sold(restored) == list(range(1, 22))
    restored.database.close()
    postgresql.drop_database("restored")


GREEN = """
import sys
import eventlet
eventlet.monkey_patch()
from hot_tickets import EVENING, Take, asking, opened

storage, ticks = opened(sys.argv[1]), []

def take(number):
    return storage.hot.execute(asking(number, 1), EVENING, "tonight", Take(seats=1)).version

def tick():
    while True:
        ticks.append(1)
        eventlet.sleep(0.001)

beating = eventlet.spawn(tick)
versions = list(eventlet.GreenPool(16).imap(take, range(40)))
assert sorted(versions) == list(range(1, 41)), versions
assert len(ticks) > 3, "nothing else ran meanwhile"
print("done")
"""


def test_a_worker_on_eventlet_decides_together(storage: Storage) -> None:
    """Requests in one worker would stand still for each other, or never wake."""
    url = storage.database.url
    ended = subprocess.run(
        [sys.executable, "-c", GREEN, url],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert ended.stdout == "done\n", ended.stderr
    assert sold(storage) == list(range(1, SEATS + 1))


def test_who_waited_for_his_own_repeat_finds_its_outcome(storage: Storage) -> None:
    """A double click would be refused for the seats that its first half took."""
    take_each(storage, [0], threads=1)
    others, begun = opened(storage.database.url), threading.Event()
    once, rest = asking(1, SEATS - 1), Take(seats=SEATS - 1)

    def repeat() -> bool:
        with others.begin(once) as work:
            begun.set()
            return work.execute(EVENING, "tonight", rest).events == ()

    with ThreadPoolExecutor(1) as pool:
        with storage.begin(once) as work:
            work.execute(EVENING, "tonight", rest)
            told = pool.submit(repeat)
            assert begun.wait(DEADLINE)
        assert told.result(DEADLINE)
    assert seats(storage, "tonight") == list(range(1, SEATS + 1))
    others.database.close()
