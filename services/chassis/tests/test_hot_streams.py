"""Many who want something of one stream are decided together, as if they came one by one."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bus_service import Greeted, counted, embedded
from chassis import faults, gate
from chassis.changes import Change, Changes, plus
from chassis.envelope import Envelope
from chassis.hot_batch import Asked, HotStream, Outcome, decide_together
from chassis.hot_streams import Decided
from chassis.log import CommandReused
from chassis.projections import Projection
from chassis.states import LONG
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context
from hot_tickets import EVENING, SEATS, SoldOut, Take, asking

DEADLINE = 20.0
Told = tuple[str, tuple[int, ...]]
_evenings = count(1)


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    storage = embedded(tmp_path_factory.mktemp("hot"))
    yield storage
    storage.database.close()


@pytest.fixture
def evening() -> int:
    return next(_evenings)


@pytest.fixture(autouse=True)
def _no_hook() -> Iterator[None]:
    yield
    faults.set_hook(None)


def take(storage: Storage, evening: int, seats: int, number: int | None = None) -> Decided[int]:
    who = context() if number is None else asking(evening * 1000 + number, seats)
    return storage.hot.execute(who, EVENING, evening, Take(seats=seats))


def together(storage: Storage, evening: int, asked: Sequence[tuple[int, int]]) -> list[Told]:
    """Decide requests, each a number and its seats, in one batch."""
    stream = HotStream(tenant="acme", name=f"evening-{evening}", decider=EVENING)
    wanted = [
        Asked(context=asking(evening * 1000 + number, seats), command=Take(seats=seats))
        for number, seats in asked
    ]
    return [_told(outcome) for outcome in decide_together(storage, stream, wanted)]


def _told(outcome: Outcome[int]) -> Told:
    if outcome.decided is None:
        return type(outcome.refusal).__name__, ()
    return "done", tuple(event.number for event in outcome.decided.events)


def recorded(storage: Storage, evening: int) -> list[Envelope]:
    with storage.system.read() as db:
        return list(storage.log(db).stream("acme", f"evening-{evening}"))


def seats_sold(storage: Storage, evening: int) -> list[tuple[int, int]]:
    return [
        (stored.version, storage.registry.decode(stored, storage.keys).number)
        for stored in recorded(storage, evening)
    ]


def one_after_the_other(asked: Sequence[tuple[int, int]]) -> list[Told]:
    """Say what a clerk would answer who serves one at a time and remembers everybody."""
    taken, known, answers = 0, dict[int, tuple[int, Told]](), list[Told]()
    for number, seats in asked:
        if number in known:
            first, answer = known[number]
            answers.append(answer if first == seats else ("CommandReused", ()))
        elif seats < 0:
            answers.append(("ZeroDivisionError", ()))
        elif taken + seats > SEATS:
            answers.append(("SoldOut", ()))
        else:
            known[number] = seats, ("done", tuple(range(taken + 1, taken + seats + 1)))
            taken += seats
            answers.append(known[number][1])
    return answers


def batches(asked: Sequence[tuple[int, int]], cuts: Sequence[int]) -> list[list[tuple[int, int]]]:
    """Split requests as the queue does it: by size, and no batch has one of them twice."""
    found: list[list[tuple[int, int]]] = [[]]
    for request in asked:
        full = len(found[-1]) == cuts[len(found) % len(cuts)]
        if full or request[0] in {number for number, _ in found[-1]}:
            found.append([])
        found[-1].append(request)
    return found


@settings(max_examples=150, deadline=None)
@given(
    asked=st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 9)), max_size=30),
    cuts=st.lists(st.integers(1, 6), min_size=1, max_size=8),
)
def test_any_split_into_batches_answers_as_one_after_the_other(
    storage: Storage, asked: Sequence[tuple[int, int]], cuts: Sequence[int]
) -> None:
    """Who came together with others would get, or be refused, what he would not get alone."""
    evening = next(_evenings)

    answers = [a for batch in batches(asked, cuts) for a in together(storage, evening, batch)]

    expected = one_after_the_other(asked)
    assert answers == expected
    sold = max((max(given, default=0) for _, given in expected), default=0)
    assert seats_sold(storage, evening) == [(n, n) for n in range(1, sold + 1)]


@settings(max_examples=15, deadline=None)
@given(
    asked=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 6)), min_size=2, max_size=40),
    threads=st.integers(2, 12),
)
def test_any_interleaving_of_callers_loses_and_doubles_nothing(
    storage: Storage, asked: Sequence[tuple[int, int]], threads: int
) -> None:
    """A seat would be sold twice, or to nobody, whenever two callers meet."""
    evening = next(_evenings)

    def ask(request: tuple[int, int]) -> tuple[int, ...]:
        try:
            done = take(storage, evening, request[1], request[0])
        except (SoldOut, CommandReused):
            return ()
        return tuple(event.number for event in done.events)

    with ThreadPoolExecutor(threads) as pool:
        answers = set(pool.map(ask, asked)) - {()}

    sold = [number for answer in sorted(answers) for number in answer]
    assert sold == list(range(1, len(sold) + 1))
    assert seats_sold(storage, evening) == [(n, n) for n in sold]


class Busy:
    """Keeps the first batch of an evening unfinished while others queue behind it."""

    def __init__(self, storage: Storage, evening: int) -> None:
        self._storage, self._evening = storage, evening
        self._writing, self._go = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(20)
        self.asked: list[Future[Decided[int]]] = []

    def __enter__(self) -> Self:
        faults.set_hook(self._stop)
        self.ask(1)
        assert self._writing.wait(DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self._go.set()
        self._pool.shutdown()

    def ask(self, seats: int) -> None:
        """Queue one more, and see to it that it stands in the queue before the next."""
        asked = len(self.asked)
        self.asked.append(self._pool.submit(take, self._storage, self._evening, seats))
        while asked and len(self._queue()) < asked:
            assert not self.asked[0].done()

    def _queue(self) -> Sequence[object]:
        group = self._storage.hot._groups["acme", f"evening-{self._evening}"]
        return group._together._waiting

    def _stop(self, point: str) -> None:
        if point == "hot.written":
            self._writing.set()
            assert self._go.wait(DEADLINE)


def test_who_came_first_is_served_first(storage: Storage, evening: int) -> None:
    """The last seats would go to whoever the machine happened to wake."""
    with Busy(storage, evening) as busy:
        for seats in (5, 30, 9, 2, 2, 1):
            busy.ask(seats)

    answers = [None if one.exception() else one.result().version for one in busy.asked]
    assert answers == [1, 6, 36, None, 38, 40, None]


def test_a_refusal_or_a_defect_touches_only_its_own(storage: Storage, evening: int) -> None:
    """One buyer's impossible wish would fail hundreds who came in the same moment."""
    with Busy(storage, evening) as busy:
        for seats in (SEATS, -1, 2):
            busy.ask(seats)

    kinds = [type(one.exception()).__name__ for one in busy.asked]
    assert kinds == ["NoneType", "SoldOut", "ZeroDivisionError", "NoneType"]
    assert seats_sold(storage, evening) == [(1, 1), (2, 2), (3, 3)]


def test_all_that_wait_share_one_transaction(storage: Storage, evening: int) -> None:
    """Ten buyers would wait for the disk ten times."""
    commits: list[str] = []
    with Busy(storage, evening) as busy:
        for _ in range(10):
            busy.ask(1)
        stop = busy._stop
        faults.set_hook(lambda point: (commits.append(point), stop(point))[1])

    assert commits.count("hot.committed") == 2
    assert len(seats_sold(storage, evening)) == 11


def test_the_same_command_again_gives_the_first_outcome(storage: Storage, evening: int) -> None:
    """A buyer who asks again because the answer got lost would have two seats."""
    first = take(storage, evening, 2, number=1)
    take(storage, evening, 3)
    again = take(storage, evening, 2, number=1)

    assert (first.repeated, again.repeated) == (False, True)
    assert (again.events, again.version) == (list(first.events), first.version)
    assert len(recorded(storage, evening)) == 5


def test_a_command_id_is_no_other_command(storage: Storage, evening: int) -> None:
    """A mistaken id would make one request hide another, also one that changed nothing."""
    take(storage, evening, 0, number=1)
    other = replace(asking(evening * 1000 + 1, 3))
    with pytest.raises(CommandReused):
        storage.hot.execute(other, EVENING, evening, Take(seats=3))

    assert recorded(storage, evening) == []


def test_an_ordinary_unit_of_work_knows_what_was_done_together(
    storage: Storage, evening: int
) -> None:
    """A request that comes again by another way would be carried out twice."""
    once = asking(evening * 1000 + 1, 2)
    storage.hot.execute(once, EVENING, evening, Take(seats=2))
    with storage.begin(once) as work:
        assert work.execute(EVENING, evening, Take(seats=2)).events == ()
    with storage.begin(asking(evening * 1000 + 2, 4)) as work:
        work.execute(EVENING, evening, Take(seats=4))
    again = take(storage, evening, 4, number=2)

    assert (again.repeated, again.version) == (True, 6)
    assert [event.number for event in again.events] == [3, 4, 5, 6]


def test_a_kept_state_is_brought_up_to_date(storage: Storage, evening: int) -> None:
    """Seats that another process sold would be sold again."""
    for _ in range(LONG):
        take(storage, evening, 1)
    assert storage.states.get("acme", f"evening-{evening}") is not None
    other = replace(storage)
    take(other, evening, 5)

    assert take(storage, evening, 1).state == LONG + 6


def test_another_log_is_not_decided_on_what_is_gone(storage: Storage, tmp_path: Path) -> None:
    """After a restore of an older copy, seats that are free again would stay sold."""
    for _ in range(LONG):
        take(storage, 900_000, 2)
    other = replace(embedded(tmp_path), states=storage.states)

    assert take(other, 900_000, 1).state == 1
    for _ in range(2 * LONG - 1):
        take(other, 900_000, 1)
    assert take(other, 900_000, 1).state == 2 * LONG + 1
    other.database.close()


def test_a_batch_that_fails_is_undone_and_each_goes_alone(storage: Storage, evening: int) -> None:
    """One broken connection would fail everybody, or sell a seat twice."""
    failed: list[str] = []

    def fail_once(point: str) -> None:
        if point == "hot.written" and not failed:
            failed.append(point)
            raise ConnectionError

    with Busy(storage, evening) as busy:
        for _ in range(6):
            busy.ask(1)
        stop = busy._stop
        faults.set_hook(lambda point: (stop(point), fail_once(point))[1])

    assert failed == ["hot.written"]
    assert sorted(one.result().version for one in busy.asked) == [1, 2, 3, 4, 5, 6, 7]
    assert seats_sold(storage, evening) == [(n, n) for n in range(1, 8)]


def test_inline_projections_commit_with_the_batch(storage: Storage, evening: int) -> None:
    """A rule that is checked against a read model would be checked against an older one."""
    tally = Projection("tally", [counted])

    @tally.fold(Greeted)
    def count_greeting(_event: Greeted, stored: Envelope) -> Changes:
        place = {"stream": stored.stream}
        yield Change(counted, place, lambda row: plus(row or {**place, "times": 0}, {"times": 1}))

    counting = replace(storage, inline=[tally])
    take(counting, evening, 3)
    take(counting, evening, 2)

    with storage.system.read() as db:
        wanted = select(counted.c.times).where(counted.c.stream == f"evening-{evening}")
        assert db.scalars(wanted).all() == [5]


def test_time_never_runs_backwards_in_a_stream(storage: Storage, evening: int) -> None:
    """Whoever reads history by its moments would see an effect before its cause."""
    for late in (0, 60, 30):
        at = NOW - timedelta(days=1) + timedelta(seconds=late)
        storage.hot.execute(context(now=at), EVENING, evening, Take(seats=1))

    moments = [stored.occurred_at for stored in recorded(storage, evening)]
    assert moments == sorted(moments)
    assert moments[1] == moments[2]


def test_nothing_is_decided_while_the_past_is_folded_again(storage: Storage, evening: int) -> None:
    """A rebuild would sell what was sold years ago."""
    with gate.shut("a rebuild"), pytest.raises(gate.GateShut):
        take(storage, evening, 1)
    assert recorded(storage, evening) == []
