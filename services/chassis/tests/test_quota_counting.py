"""Two workers, however their commands interleave, never take more of a quota than there is."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus_service import Greeted, storage_at
from chassis import direct
from chassis.clock import micros
from chassis.database import Database
from chassis.errors import Conflict
from chassis.keyed_rows import fold_into
from chassis.quotas.counting import AHEAD, SHARE, Account, Purse, give_back, take_ahead
from chassis.quotas.hearing import told
from chassis.quotas.limits import BY_NAME, UTC_ZONE, NamedLimit, QuotaExceeded
from chassis.quotas.periods import period_at
from chassis.quotas.tables import quota_counts
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context

DAY = BY_NAME["events_a_day"]
WORKERS, WRITERS, LIMIT = 2, 8, 200
Step = tuple[int, str, int]


class Workers:
    """Processes that spend from one account, each from its own memory."""

    def __init__(self, database: Database, limit: int, number: int = WORKERS) -> None:
        period = period_at("day", NOW, UTC_ZONE)
        self.account = Account(
            tenant="acme", counted=DAY, period=period, limit=limit, zone=UTC_ZONE
        )
        self._database = database
        self.purses = [self._fresh() for _ in range(number)]
        self.spent = 0
        self.lost = 0

    def step(self, worker: int, what: str, amount: int) -> None:
        """Let a worker spend, fail after spending, stop in an orderly way, or be killed."""
        purse = self.purses[worker]
        match what:
            case "spend":
                allowed = purse.spend(amount)
                self.spent += amount if allowed else 0
                assert allowed or self.left < amount + sum(map(held_by, self.others(worker)))
            case "fail":
                if purse.spend(amount):
                    purse.put_back(amount)
            case "stop":
                give_back(self._database, self.account, purse.empty())
                self.purses[worker] = self._fresh()
            case "kill":
                self.lost += held_by(purse)
                self.purses[worker] = self._fresh()

    @property
    def left(self) -> int:
        """How much nobody has spent, held or lost counting as spent."""
        return self.account.limit - self.spent - self.lost

    def others(self, worker: int) -> list[Purse]:
        """Return what the other workers hold."""
        return [purse for at, purse in enumerate(self.purses) if at != worker]

    def _fresh(self) -> Purse:
        return Purse(self.account, lambda account, n: take_ahead(self._database, account, n))


def held_by(purse: Purse) -> int:
    return purse._left


@pytest.fixture(scope="module")
def counted() -> Iterator[Callable[[], Database]]:
    """Give a database with an empty table of counts, the same one again and again."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/counts.db")
        with database.begin() as db:
            quota_counts.create(db)

        def emptied() -> Database:
            with database.begin() as db:
                direct.execute(db, "DELETE FROM quota_counts")
            return database

        yield emptied
        database.close()


STEPS = st.lists(
    st.tuples(
        st.integers(0, WORKERS - 1),
        st.sampled_from(["spend", "spend", "spend", "fail", "stop", "kill"]),
        st.integers(1, 40),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=60)
@given(limit=st.integers(0, 3000), steps=STEPS)
def test_no_interleaving_takes_more_than_there_is(
    counted: Callable[[], Database], limit: int, steps: Sequence[Step]
) -> None:
    """A tenant would get more than it pays for, or be refused while nobody has the rest."""
    workers = Workers(counted(), limit)
    for worker, what, amount in steps:
        workers.step(worker, what, amount)
        ahead = min(AHEAD, limit // SHARE)

        assert workers.spent + workers.lost + sum(map(held_by, workers.purses)) <= limit
        if what == "spend":
            assert held_by(workers.purses[worker]) <= ahead + 40


def test_a_small_quota_is_exact(counted: Callable[[], Database]) -> None:
    """The last units of a small quota would be held by a worker that does not need them."""
    workers = Workers(counted(), SHARE)
    for n in range(SHARE + 5):
        workers.step(n % 2, "spend", 1)

    assert workers.spent == SHARE


def test_what_a_worker_gives_back_is_had_by_another(counted: Callable[[], Database]) -> None:
    """Every restart of a worker would cost the tenant some of its quota."""
    workers = Workers(counted(), 640)
    workers.step(0, "spend", 1)
    assert held_by(workers.purses[0]) == 19
    workers.step(0, "stop", 0)
    for _ in range(700):
        workers.step(1, "spend", 1)

    assert workers.spent == 640


def test_a_day_that_became_longer_ends_later(counted: Callable[[], Database]) -> None:
    """A tenant that moved west would be kept to a quota of which nothing seems to be used."""
    database = counted()
    moments = {"UTC": UTC_ZONE, "Shanghai": ZoneInfo("Asia/Shanghai")}
    days = {name: period_at("day", NOW, zone) for name, zone in moments.items()}
    west, east = (
        Account(tenant="acme", counted=DAY, period=days[name], limit=2, zone=moments[name])
        for name in moments
    )
    assert (west.row, west.period.ends > east.period.ends) == (east.row, True)

    def kept() -> tuple[int, int]:
        with database.read() as db:
            return tuple(*direct.tuples(db, "SELECT taken, ends_at FROM quota_counts"))

    assert take_ahead(database, east, 2) == 2
    assert kept() == (2, micros(east.period.ends))
    assert take_ahead(database, west, 1) == 0
    assert kept() == (2, micros(west.period.ends))
    assert take_ahead(database, replace(east, limit=3), 1) == 1
    assert kept() == (3, micros(west.period.ends))


@pytest.fixture
def workers(postgresql_url: str) -> Iterator[list[Storage]]:
    """Give two processes' storages of one service, whose tenant may record so many events."""
    first = storage_at(postgresql_url)
    second = Storage(
        service=first.service,
        database=Database(postgresql_url),
        registry=first.registry,
        keys=first.keys,
        clock=first.clock,
        secret=first.secret,
    )
    with first.system.begin() as db:
        limits = [NamedLimit(name="events_a_day", limit=LIMIT)]
        fold_into(db, [told("acme", zone="Asia/Shanghai", limits=limits)])
    yield [first, second]
    for storage in (first, second):
        storage.database.close()


def record(storage: Storage, stream: str, events: int) -> int:
    """Record events as a command of the tenant; return how many were."""
    while True:
        try:
            with storage.begin(context(), storage.quotas.charge("acme")) as work:
                work.add(stream, [Greeted(number=1)] * events)
        except QuotaExceeded:
            return 0
        except Conflict:
            continue
        return events


@pytest.mark.servers
def test_concurrent_workers_on_postgresql_keep_to_the_limit(workers: list[Storage]) -> None:
    """Two workers would each allow what is there once."""

    def write(writer: int) -> int:
        storage = workers[writer % len(workers)]
        events = 1 + writer % 3
        return sum(record(storage, f"greeting-{writer}-{n}", events) for n in range(40))

    with ThreadPoolExecutor(WRITERS) as pool:
        accepted = sum(pool.map(write, range(WRITERS)))
    with workers[0].system.read() as db:
        stored = direct.scalar(db, "SELECT count(*) FROM events")
    held = sum(held_by(purse) for each in workers for purse in each.quotas._purses.values())

    assert stored == accepted <= LIMIT
    assert LIMIT - accepted <= held + 2  # the largest command was of three
    for each in workers:
        each.quotas.close()
    rest = sum(record(workers[0], f"greeting-rest-{n}", 1) for n in range(LIMIT))
    assert accepted + rest == LIMIT


@pytest.mark.servers
def test_a_command_that_fails_gives_back_what_it_took(workers: list[Storage]) -> None:
    """Conflicts would use up a quota on which nothing was recorded."""
    storage = workers[0]
    assert record(storage, "greeting-1", 1) == 1
    before = [held_by(purse) for purse in storage.quotas._purses.values()]
    for _ in range(10):
        with (
            pytest.raises(Conflict),
            storage.begin(context(), storage.quotas.charge("acme")) as work,
        ):
            work.add("greeting-1", [Greeted(number=2)])

    assert [held_by(purse) for purse in storage.quotas._purses.values()] == before
