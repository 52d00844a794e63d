"""Two relays of one service, under load: one dies or freezes, and the other goes on."""

import itertools
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from bus_service import Listener, embedded, greet, registry, seen, storage_at
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.delivery import Delivery
from chassis.envelope import Recorded
from chassis.errors import Conflict
from chassis.follower import Follower, Follows, Gateway, Together
from chassis.log_verify import verify
from chassis.privacy import MemoryKeys
from chassis.roles import LOCKS
from chassis.sequencer import sequence
from chassis.storage import Storage
from chassis.testing.contexts import SECRET
from chassis.testing.web import Tokens
from service_process import Place, Process, wait_for
from test_bus import Running

pytestmark = pytest.mark.servers
STREAMS = 5
FAILOVER_SECONDS = {"killed": 5.0, "frozen": 15.0}
_LEADERS = text(
    """SELECT l.objid, s.application_name FROM pg_locks l JOIN pg_stat_activity s USING (pid)
    WHERE l.locktype = 'advisory' AND l.granted AND l.database =
        (SELECT oid FROM pg_database WHERE datname = current_database())"""
)


@pytest.fixture
def greeter(tmp_path: Path, amqp_uri: str, postgresql_url: str) -> Iterator[Place]:

    place = Place("greeter", tmp_path, amqp_uri, Tokens(tmp_path), database_url=postgresql_url)
    yield place
    place.database.close()


@pytest.fixture
def storage(greeter: Place) -> Storage:
    return Storage(
        service="greeter", database=greeter.database, registry=registry, keys=MemoryKeys(),
        clock=SystemClock(), secret=SECRET,
    )  # fmt: skip


def leaders(database: Database) -> dict[str, int]:
    """Return which process leads in each role."""
    with database.read() as db:
        held = db.execute(_LEADERS).all()
    names = {key: role for role, key in LOCKS.items()}
    return {names[key]: int(name.rpartition(" ")[2]) for key, name in held if key in names}


class Load:
    """Writes events, one after the other, as long as the block runs."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.written = 0

    def _write(self) -> None:
        for number in itertools.count():
            if self._stop.wait(0.003):
                return
            greet(self._storage, f"s{number % STREAMS}", [number // STREAMS])
            self.written = number + 1

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join()

    def of(self, stream: int) -> list[int]:
        return list(range(len(range(stream, self.written, STREAMS))))


def stands_by(database: Database, relay: Process) -> bool:
    """Say whether a relay has a new session to ask for the lock on; a frozen one lost its own."""
    name = f"sixfold sequencer {relay.pid}"
    asked = text("SELECT count(*) FROM pg_stat_activity WHERE application_name = :name")
    with database.read() as db:
        return bool(db.execute(asked, {"name": name}).scalar())


def heard(listener: Listener) -> int:
    """Return how many of the load's events came through; the greeter's own processes add others."""
    return len(listener.numbers())


@pytest.mark.journey
@pytest.mark.parametrize("blow", ["killed", "frozen"])
def test_another_relay_takes_over_under_load(
    greeter: Place, storage: Storage, tmp_path: Path, blow: str
) -> None:
    """A relay that dies or freezes costs seconds; no event is lost, doubled or out of order."""
    listener, load = Listener(embedded(tmp_path, "listener"), storage), Load(storage)
    with (
        greeter.running("relay", "relay") as relays,
        Running(listener, greeter.settings["AMQP_URI"]),
    ):
        wait_for(lambda: leaders(greeter.database).keys() == LOCKS.keys(), "every role is led")
        with load.running():
            wait_for(lambda: heard(listener) > 100, "events flow")
            hit, seconds = strike(greeter, relays, load, listener, blow)
            sys.stdout.write(f"failover after being {blow}: {seconds:.2f} s\n")
            wait_for(lambda: heard(listener) > load.written - 50, "the other keeps up")
            if blow == "frozen":
                hit.thaw()
                wait_for(lambda: stands_by(greeter.database, hit), "the thawed one has noticed")
            after = load.written
            wait_for(lambda: heard(listener) > after + 100, "events go on")
        wait_for(lambda: heard(listener) >= load.written, "everything has come")
        assert hit.pid not in leaders(greeter.database).values()
    for stream in range(STREAMS):
        assert listener.numbers(f"s{stream}") == load.of(stream)
    with storage.system.read() as db:
        assert verify(storage.log(db)).events == storage.log(db).head() >= load.written


def strike(
    greeter: Place, relays: list[Process], load: Load, listener: Listener, blow: str
) -> tuple[Process, float]:
    """Hit the leader; return it and how long no event came through."""
    leader = leaders(greeter.database)["sequencer"]
    (hit,) = (relay for relay in relays if relay.pid == leader)
    hit.kill() if blow == "killed" else hit.freeze()
    began, first_after = time.monotonic(), load.written + 1
    wait_for(
        lambda: heard(listener) > first_after,
        "another relay numbers and publishes",
        FAILOVER_SECONDS[blow],
    )
    return hit, time.monotonic() - began


def test_followers_in_two_relays_double_nothing(postgresql_url: str) -> None:
    """Even two that both believe to lead make each read model once: the checkpoint decides."""
    storage = storage_at(postgresql_url)
    greet(storage, "a", range(60))
    with storage.system.begin() as db:
        sequence(db)
    databases = [storage.database, Database(postgresql_url)]
    ready, called = threading.Barrier(2), list[int]()

    def follow(database: Database) -> None:
        followers = [
            Follower(Delivery(name, database, {"greeted": partial(note, name)}), database, batch=7)
            for name in ("view", "other")
        ]
        calls = {"greeted": lambda event: called.append(event.position)}
        together = Together("projections", followers, database)
        ready.wait()
        while any(follower.has_news() for follower in followers):
            step(together)
        step(Gateway("mailer", database, calls))

    with ThreadPoolExecutor() as pool:
        for following in [pool.submit(follow, database) for database in databases]:
            following.result()

    for name in ("view", "other"):
        with storage.system.read() as db:
            made = db.scalars(select(seen.c.number).where(seen.c.stream == name)).all()
        assert sorted(made) == list(range(60))
    assert set(called) == set(range(1, 61))  # at least once; their keys tell the repeated ones
    for database in databases:
        database.close()


def note(name: str, db: Connection, event: Recorded) -> None:
    db.execute(insert(seen).values(stream=name, number=event.position - 1))


def step(follower: Follows) -> None:
    with suppress(Conflict):
        follower.step()
