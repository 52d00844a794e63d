"""Several workers of one subscription, as the processes that they are, on real servers."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import text

from bus_service import Greeted, registry
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.privacy import MemoryKeys
from chassis.storage import Storage
from chassis.testing.contexts import NOW, SECRET, context
from chassis.testing.nodes import free_ports
from chassis.testing.web import Tokens
from listener.service import SLOW
from service_process import Place, Process, wait_for

pytestmark = pytest.mark.servers
REFUSED = "is no longer|does not answer"
LEASE_SECONDS = 3.0
STREAMS = 16
FIRST = 1000  # what is said goes up from here: smaller numbers have meanings


@pytest.fixture
def greeter(tmp_path: Path, amqp_uri: str) -> Place:
    return Place("greeter", tmp_path, amqp_uri, Tokens(tmp_path))


@pytest.fixture
def listener(tmp_path: Path, amqp_uri: str, greeter: Place, postgresql_url: str) -> Place:
    feeds, url = f"greeter={greeter.address}", postgresql_url.replace("+psycopg:", "+psycopg2:")
    return Place("listener", tmp_path, amqp_uri, greeter.tokens, feeds=feeds, database_url=url)


class Crowd:
    """The workers of one service; each has a port of its own."""

    def __init__(self, place: Place, **settings: str) -> None:
        self.place = place
        self._settings = {
            "LEASE_SECONDS": str(LEASE_SECONDS), "FEED_POLL_SECONDS": "0.5", **settings
        }  # fmt: skip
        self.workers: list[Process] = []

    def join(self) -> Process:
        """Start one more worker."""
        (port,) = free_ports(1)
        worker = Process(self.place, "worker", HTTP_PORT=str(port), **self._settings)
        self.workers.append(worker)
        return worker

    def held(self) -> list[int]:
        """Return how many shares each worker holds, the most first; stale leases count too."""
        with self.place.database.read() as db:
            rows = db.scalars(text("SELECT shares FROM leases")).all()
        return sorted((len(row.split(",")) if row else 0 for row in rows), reverse=True)

    def until(self) -> float:
        """Return when the only lease runs out, in seconds of the database's clock."""
        return int(self.place.database.glance("SELECT until FROM leases")[0]) / 1_000_000

    def divides(self, *sizes: int) -> None:
        """Wait until the shares are divided like this."""
        wait_for(lambda: self.held() == list(sizes), f"a division into {sizes}", 60)


@contextmanager
def crowd(place: Place, **settings: str) -> Iterator[Crowd]:
    found = Crowd(place, **settings)
    try:
        yield found
    finally:
        for worker in found.workers:
            worker.kill()


class Talking:
    """Greets without a pause, in many streams, while the block runs."""

    def __init__(self, place: Place) -> None:
        self._storage = Storage(
            service="greeter", database=Database(place.database.url), registry=registry,
            keys=MemoryKeys(), clock=FixedClock(NOW), secret=SECRET,
        )  # fmt: skip
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self.said = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()
        self._storage.database.close()

    def _talk(self) -> None:
        while not self._enough.wait(0.2):
            with self._storage.begin(context()) as work:
                for stream in range(STREAMS):
                    said = [Greeted(number=FIRST + self.said)]
                    work.add(f"s{stream}", said, expected_version=self.said)
            self.said += 1


def everything_once_and_in_order(place: Place, said: int) -> None:
    """Wait for every greeting, then look at each stream."""
    wait_for(lambda: all(len(place.numbers(f"s{n}")) >= said for n in range(STREAMS)), "all heard")
    for stream in range(STREAMS):
        assert place.numbers(f"s{stream}") == list(range(FIRST, FIRST + said))


def test_workers_come_go_and_die_under_load(greeter: Place, listener: Place) -> None:
    """Scaling a service would lose, double or reorder what it hears, or leave queues alone."""
    with greeter.running("worker", "relay"), crowd(listener) as workers:
        with Talking(greeter) as talking:
            first = workers.join()
            workers.divides(4)
            second = workers.join()
            workers.divides(2, 2)
            third = workers.join()
            workers.divides(2, 1, 1)

            first.kill()
            workers.divides(2, 2)
            code, _ = second.stop()
            assert (code, len(workers.held())) == (0, 1), "it gave its shares back before it went"
            workers.divides(4)
            heard = len(listener.numbers("s0"))
            wait_for(lambda: len(listener.numbers("s0")) > heard + 5, "the last one hears on")
        everything_once_and_in_order(listener, talking.said)
        assert talking.said > 20
        assert third.stop()[0] == 0
        assert workers.held() == []


def test_a_worker_that_froze_in_the_middle_of_a_batch_does_no_harm(
    greeter: Place, listener: Place, tmp_path: Path
) -> None:
    """A paused machine would come back and write over what its replacement did."""
    hold = tmp_path / "hold"
    hold.touch()
    with (
        greeter.running("worker", "relay"),
        crowd(listener, HOLD_FILE=str(hold)) as workers,
    ):
        frozen = workers.join()
        workers.divides(4)
        wait_for(lambda: greeter.answers("/healthz") is not None, "the producer answers")
        for number in (1, SLOW, 2):
            greeter.post("/v1/greetings/a", {"number": number})
        wait_for(lambda: open_transactions(listener) == 1, "the handler is in the middle")
        # While it only thinks for long, its lease is kept.
        until = workers.until()
        wait_for(lambda: workers.until() > until + 2 * LEASE_SECONDS, "it renews its lease")
        assert workers.held() == [4]

        frozen.freeze()
        then = open_transactions(listener, latest=True)
        workers.join()
        wait_for(
            lambda: open_transactions(listener, latest=True) > then,
            "its replacement handles the same",
        )
        hold.unlink()
        wait_for(lambda: listener.numbers("a") == [1, SLOW, 2], "its replacement is done")
        frozen.thaw()
        workers.divides(2, 2)

        greeter.post("/v1/greetings/a", {"number": 3})
        wait_for(lambda: len(listener.numbers("a")) >= 4, "what comes later is heard")
        assert listener.numbers("a") == [1, SLOW, 2, 3]
        # By its checkpoint, or, after ten seconds, by the database that ended its session.
        wait_for(lambda: re.search(REFUSED, frozen.said()) is not None, "it was told so")


def open_transactions(place: Place, *, latest: bool = False) -> float:
    """Count the transactions that wait for their client, or say when the latest one began."""
    asked = "coalesce(extract(epoch FROM max(xact_start)), 0)" if latest else "count(*)"
    idle = f"""SELECT {asked} FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'idle in transaction'"""  # noqa: S608
    return float(place.database.glance(idle)[0])
