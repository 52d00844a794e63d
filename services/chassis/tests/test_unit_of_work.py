"""One use case is one transaction: everything it did is there, or nothing of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from bus_service import Greeted, embedded, seen
from chassis.decider import Decider
from chassis.envelope import Envelope
from chassis.errors import Conflict, Rejected, Stale
from chassis.log import CommandReused
from chassis.projections import Projection
from chassis.storage import Storage
from chassis.testing.contexts import NOW, context


@dataclass(frozen=True, kw_only=True, slots=True)
class Greet:
    """Say hello so many times."""

    times: int


class EnoughGreetings(Rejected):
    """Nobody wants to hear it more than five times."""

    code = "enough_greetings"


def decide(count: int, command: Greet) -> list[Greeted]:
    if count + command.times > 5:
        raise EnoughGreetings
    return [Greeted(number=count + offset) for offset in range(command.times)]


def evolve(count: int, _: Greeted) -> int:
    return count + 1


GREETING = Decider(category="greeting", initial=0, decide=decide, evolve=evolve)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    storage = embedded(tmp_path)
    yield storage
    storage.database.close()


def stored(storage: Storage, stream: str) -> list[Envelope]:
    with storage.system.read() as db:
        return list(storage.log(db).stream("acme", stream))


def test_a_use_case_sees_what_it_has_added(storage: Storage) -> None:
    """A second command in one use case is decided on the outcome of the first."""
    with storage.begin(context()) as work:
        work.execute(GREETING, "a", Greet(times=3))
        assert work.load(GREETING, "a").version == 3
        with pytest.raises(EnoughGreetings):
            work.execute(GREETING, "a", Greet(times=3))
        done = work.execute(GREETING, "a", Greet(times=2))

    assert (done.state, done.version) == (5, 5)
    assert [event.version for event in stored(storage, "greeting-a")] == [1, 2, 3, 4, 5]


def test_nothing_of_a_refused_use_case_stays(storage: Storage) -> None:
    """A refusal half-way leaves neither events nor rows behind."""

    def refused_half_way() -> None:
        with storage.begin(context()) as work:
            work.execute(GREETING, "a", Greet(times=1))
            work.db.execute(insert(seen).values(stream="a", number=1))
            work.execute(GREETING, "b", Greet(times=6))

    with pytest.raises(EnoughGreetings):
        refused_half_way()

    assert stored(storage, "greeting-a") == []
    with storage.system.read() as db:
        assert db.execute(select(seen)).all() == []


def test_a_caller_that_saw_an_older_version_is_refused(storage: Storage) -> None:
    """Who decided on what is no longer true is told so."""
    with storage.begin(context()) as work:
        work.execute(GREETING, "a", Greet(times=2), expected_version=0)

    with storage.begin(context()) as work:
        with pytest.raises(Stale):
            work.execute(GREETING, "a", Greet(times=1), expected_version=1)
        work.execute(GREETING, "a", Greet(times=1), expected_version=2)

    assert len(stored(storage, "greeting-a")) == 3


def test_the_same_command_again_records_nothing(storage: Storage) -> None:
    """A client that repeats itself after a lost answer doubles nothing."""
    asked = context(command=b"greet twice")
    for _ in range(2):
        with storage.begin(asked) as work:
            done = work.execute(GREETING, "a", Greet(times=2))

    assert work.already_done
    assert (done.events, done.version) == ((), 2)
    assert work.first_outcome is not None
    assert [(span.first, span.last) for span in work.first_outcome] == [(1, 2)]
    assert len(stored(storage, "greeting-a")) == 2


def test_a_command_that_recorded_nothing_is_remembered_too(storage: Storage) -> None:
    """A repeat finds the same answer even where there was nothing to record."""
    asked = context()
    with storage.begin(asked) as work:
        work.execute(GREETING, "a", Greet(times=0))

    with storage.begin(asked) as work:
        assert work.first_outcome == []


def test_a_command_id_cannot_be_used_for_something_else(storage: Storage) -> None:
    """A key that was reused by mistake is told, not answered with somebody else's result."""
    asked = context()
    with storage.begin(asked) as work:
        work.execute(GREETING, "a", Greet(times=1))

    with pytest.raises(CommandReused), storage.begin(replace(asked, digest=b"other")):
        pass


def test_time_never_runs_backwards_in_a_stream(storage: Storage) -> None:
    """A history read in order is also in order of time, whichever clock was wrong."""
    for seconds in (10, 5, 20):
        with storage.begin(context(now=NOW + timedelta(seconds=seconds))) as work:
            work.execute(GREETING, "a", Greet(times=1))

    moments = [event.occurred_at - NOW for event in stored(storage, "greeting-a")]
    assert [moment.seconds for moment in moments] == [10, 10, 20]


def test_an_import_gives_each_thing_its_own_moment(storage: Storage) -> None:
    """Facts of the past are kept with the time at which they happened."""
    with storage.begin(context()) as work:
        for days, name in ((9, "a"), (3, "b")):
            happened = NOW - timedelta(days=days)
            work.execute(GREETING, name, Greet(times=1), occurred_at=happened)

    for days, name in ((9, "a"), (3, "b")):
        (event,) = stored(storage, f"greeting-{name}")
        assert event.occurred_at == NOW - timedelta(days=days)


def test_several_streams_stand_or_fall_together(storage: Storage) -> None:
    """What belongs together is never half recorded because one part lost a race."""

    def greet_both(version: int) -> None:
        with storage.begin(context()) as work:
            work.execute(GREETING, "a", Greet(times=2))
            work.add("b", [Greeted(number=2)], expected_version=version)

    with storage.begin(context()) as work:
        work.add("b", [Greeted(number=1)])

    with pytest.raises(Conflict):
        greet_both(version=0)

    assert stored(storage, "greeting-a") == []
    greet_both(version=1)
    assert [len(stored(storage, name)) for name in ("greeting-a", "b")] == [2, 2]


def test_an_inline_read_model_commits_with_its_events(storage: Storage) -> None:
    """A rule that looks at a read model never sees it behind the log, nor ahead of it."""
    projection = Projection("greetings")

    @projection.on(Greeted)
    def _(event: Greeted, envelope: Envelope, db: Connection) -> None:
        db.execute(insert(seen).values(stream=envelope.stream, number=event.number))

    inline = replace(storage, inline=[projection])

    with inline.begin(context()) as work:
        work.execute(GREETING, "a", Greet(times=2))
    with pytest.raises(Conflict), inline.begin(context()) as work:
        work.add("greeting-a", [Greeted(number=9)], expected_version=7)

    with storage.system.read() as db:
        rows = db.execute(select(seen.c.stream, seen.c.number).order_by(seen.c.id)).all()
    assert [tuple(row) for row in rows] == [("greeting-a", 0), ("greeting-a", 1)]
