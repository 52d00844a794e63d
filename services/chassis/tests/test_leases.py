"""How workers of one subscription divide its queues among themselves."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from bus_service import metadata
from chassis.database import Database
from chassis.leases import EVERY_SHARE, Leases, alive, fair_part, hold
from waiting import DEADLINE, until_it_waits

NAME = "listener.on.greeter"


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)],
)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/leases.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url").replace("+psycopg:", "+psycopg2:")
    database = Database(url)
    with database.begin() as db:
        metadata.create_all(db)
    yield database
    database.close()


def worker(database: Database, name: str, seconds: float = 60) -> Leases:
    return Leases(database, NAME, name, seconds=seconds)


def turn(*workers: Leases) -> list[frozenset[int]]:
    """Let every worker renew, and take at once what it may."""
    for one in workers:
        one.renew()
        one.use(one.wanted)
    return [one.wanted for one in workers]


def settled(*workers: Leases) -> list[frozenset[int]]:
    for _ in range(3):
        turn(*workers)
    return turn(*workers)


def is_fair(shares: list[frozenset[int]]) -> bool:
    sizes = [len(held) for held in shares]
    whole = sorted(share for held in shares for share in held) == sorted(EVERY_SHARE)
    return whole and max(sizes) - min(sizes) <= 1


def run_out(database: Database, name: str) -> None:
    """Let a worker's lease run out, as if it had not been heard of for long."""
    with database.begin() as db:
        db.execute(text("UPDATE leases SET until = 1 WHERE worker = :name"), {"name": name})


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_workers_divide_the_queues_fairly(database: Database, count: int) -> None:
    """One worker would do all the work while the others idle."""
    workers = [worker(database, f"w{number}") for number in range(count)]

    shares = settled(*workers)

    assert is_fair(shares), shares


def test_a_new_worker_takes_over_a_part_and_no_other_share_moves(database: Database) -> None:
    """A deployment would make every queue change hands."""
    old = worker(database, "old")
    assert settled(old) == [EVERY_SHARE]
    new = worker(database, "new")

    first, second = settled(old, new)

    assert (len(first), len(second), first | second) == (2, 2, EVERY_SHARE)


def test_a_share_is_not_given_away_before_it_is_let_go_of(database: Database) -> None:
    """Two workers would handle one queue, each undoing the other's work."""
    old, new = worker(database, "old"), worker(database, "new")
    turn(old)
    for _ in range(3):
        new.renew()
        old.renew()
        assert new.wanted == frozenset()

    old.use(old.wanted)

    assert [len(held) for held in settled(old, new)] == [2, 2]


def test_a_dead_worker_is_replaced_once_its_lease_has_run_out(database: Database) -> None:
    """A queue whose worker died would wait for ever, or be taken from one that lives."""
    dead, living = worker(database, "dead"), worker(database, "living")
    settled(dead, living)
    assert len(settled(living)[0]) == 2

    run_out(database, "dead")

    assert settled(living) == [EVERY_SHARE]


def test_a_worker_that_froze_finds_that_its_shares_are_gone(database: Database) -> None:
    """A thawed worker would go on beside the one that took its place."""
    frozen, living = worker(database, "frozen"), worker(database, "living")
    settled(frozen, living)
    run_out(database, "frozen")
    assert settled(living) == [EVERY_SHARE]

    frozen.renew()

    assert frozen.wanted == frozenset()
    assert is_fair(settled(frozen, living))


def test_a_leaving_worker_gives_its_shares_back_at_once(database: Database) -> None:
    """Every deployment would stop a part of the work for as long as a lease lasts."""
    leaving, staying = worker(database, "leaving"), worker(database, "staying")
    settled(leaving, staying)

    leaving.leave()

    assert turn(staying) == [EVERY_SHARE]


def test_a_worker_that_comes_back_under_its_name_goes_on_at_once(database: Database) -> None:
    """After a crash the work would rest until the lease of the dead process ran out."""
    settled(worker(database, "w"))

    assert turn(worker(database, "w")) == [EVERY_SHARE]


def test_a_lease_lasts_as_long_as_it_says(database: Database) -> None:
    """A worker's wrong clock would take the work from others, or keep it from them."""
    dying, waiting = worker(database, "dying", seconds=1.0), worker(database, "waiting")
    began = time.monotonic()
    turn(dying)

    while turn(waiting) != [EVERY_SHARE]:
        time.sleep(0.05)

    assert 0.9 < time.monotonic() - began < 20


@given(
    orders=st.lists(st.permutations(["a", "b", "c", "d", "e"]), min_size=8, max_size=8),
    count=st.integers(min_value=1, max_value=5),
)
def test_whoever_looks_first_the_division_becomes_fair(orders: list[list[str]], count: int) -> None:
    """With an unlucky order of looking the shares would wander for ever."""
    held = {name: frozenset[int]() for name in ["a", "b", "c", "d", "e"][:count]}
    held["a"] = EVERY_SHARE
    for order in orders:
        for name in order[:]:
            if name in held:
                held[name] = fair_part(held, name)
                taken = [share for kept in held.values() for share in kept]
                assert len(taken) == len(set(taken))
    before = dict(held)
    for name in held:
        held[name] = fair_part(held, name)

    assert held == before
    assert is_fair(list(held.values()))


def test_a_renewal_that_comes_late_takes_nothing_back(database: Database) -> None:
    """A worker on its way out would keep its queues from the others once more."""
    leaving, staying = worker(database, "leaving"), worker(database, "staying")
    settled(leaving, staying)
    leaving.leave()

    leaving.renew()

    assert turn(staying) == [EVERY_SHARE]


@pytest.mark.servers
def test_two_who_begin_at_once_see_each_other(postgresql_url: str) -> None:
    """Both would take every queue, and each undo the other's work until they look again."""
    database = Database(postgresql_url)
    with database.begin() as db:
        metadata.create_all(db)
    second = worker(database, "second")
    with ThreadPoolExecutor() as pool:
        with database.begin() as db:
            assert alive(db, NAME) == {}
            renewing = pool.submit(second.renew)
            until_it_waits(renewing, database)
            hold(db, NAME, "first", EVERY_SHARE, 60)
        renewing.result(DEADLINE)

    assert second.wanted == frozenset()
    database.close()
