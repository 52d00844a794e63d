"""The contract of the log port; every adapter's test class inherits it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from sqlalchemy.exc import DBAPIError

from chassis.context import Context
from chassis.envelope import Recorded, recorded_of, stored_of
from chassis.errors import Conflict, Invalid
from chassis.log import Append, Appended, CommandReused, Draft, Log
from chassis.log_verify import verify
from chassis.testing.contexts import NOW, context

DRAFT = Draft(type="thing_happened", schema_version=1, subjects=("s1",), data=b'{"n":1}')


class OpenLog(Protocol):
    """A log under test."""

    def begin(self) -> AbstractContextManager[Log]:
        """Open a write transaction."""

    def settle(self) -> None:
        """Do once what gives committed events their positions, if anything must."""

    def execute(self, statement: str) -> None:
        """Run SQL in a transaction of its own."""


def append(
    log: OpenLog, stream: str, version: int, count: int = 1, of: Context | None = None
) -> Appended:
    """Append ``count`` events to one stream in a transaction of their own."""
    with log.begin() as opened:
        wanted = Append(stream=stream, expected_version=version, drafts=[DRAFT] * count)
        return opened.append(of or context(), [wanted], recorded_at=NOW)


def append_and_fail(log: OpenLog, of: Context) -> None:
    """Append one event, then fail before the transaction commits."""
    with log.begin() as opened:
        wanted = Append(stream="order-1", expected_version=0, drafts=[DRAFT])
        opened.append(of, [wanted], recorded_at=NOW)
        raise ZeroDivisionError


def everything(log: OpenLog) -> list[Recorded]:
    """Return the whole log."""
    log.settle()
    with log.begin() as opened:
        return list(opened.after(0, limit=1_000_000))


class LogContract:
    """What an adapter must do.  Subclasses provide the fixture ``log``."""

    writers = 16
    events = 20_000

    @pytest.fixture
    def log(self) -> OpenLog:
        """Return an empty log; the subclass says how."""
        raise AssertionError("the subclass provides the fixture 'log'")

    def test_what_was_appended_is_read_back(self, log: OpenLog) -> None:
        """An event that was confirmed can be read, byte for byte."""
        written = append(log, "order-1", 0, 2)

        with log.begin() as opened:
            assert opened.stream("acme", "order-1") == written.events
            assert opened.stream("acme", "order-1", after=1) == written.events[1:]
            assert [event.data for event in written.events] == [DRAFT.data] * 2

    def test_streams_of_two_tenants_never_mix(self, log: OpenLog) -> None:
        """A tenant cannot see, or block, another one's stream of the same name."""
        append(log, "order-1", 0)
        append(log, "order-1", 0, of=context(tenant="other"))

        with log.begin() as opened:
            assert [e.tenant for e in opened.stream("other", "order-1")] == ["other"]

    @pytest.mark.parametrize("expected", [0, 2, 5])
    def test_a_stale_version_is_refused(self, log: OpenLog, expected: int) -> None:
        """Two editors of one thing cannot overwrite each other."""
        append(log, "order-1", 0)

        with pytest.raises(Conflict):
            append(log, "order-1", expected)

        assert len(everything(log)) == 1

    @pytest.mark.parametrize("count", [1, 1000], ids=["few", "many"])
    def test_any_text_and_any_byte_is_read_back(self, log: OpenLog, count: int) -> None:
        """Whatever a brand or a platform calls its things, the log gives it back."""
        odd = 'a\tb\nc\r"d"\\e\\N{f},\u5c0f\u7d05\u66f8\U0001f600'
        said = replace(DRAFT, type=odd, subjects=(odd, "NULL"), data=bytes(range(256)))
        plain = replace(DRAFT, subjects=(), data=b"")
        wanted = Append(stream=odd, expected_version=0, drafts=[said, plain] * count)
        of = context(tenant=odd, actor=odd, traceparent="NULL")
        with log.begin() as opened:
            written = opened.append(of, [wanted], recorded_at=NOW)
        with log.begin() as opened:
            found = opened.stream(odd, odd)

        assert (found[0].type, found[0].subjects, found[0].data) == (odd, (odd, "NULL"), said.data)
        assert found == written.events
        assert verify_all(log) == 2 * count

    def test_an_import_of_many_streams_is_one_append(self, log: OpenLog) -> None:
        """Thousands of rows arrive whole, new streams and known ones, each in its order."""
        append(log, "order-7", 0, 3)
        wanted = [
            Append(stream=f"order-{n}", expected_version=3 if n == 7 else 0, drafts=[DRAFT] * 2)
            for n in range(600)
        ]
        once = context()
        with log.begin() as opened:
            first = opened.append(once, wanted, recorded_at=NOW)
        with log.begin() as opened:
            again = opened.append(once, wanted, recorded_at=NOW)
            mine = opened.stream("acme", "order-7")

        assert (len(first.events), again.repeated, again.spans) == (1200, True, first.spans)
        assert [event.version for event in mine] == [1, 2, 3, 4, 5]
        assert verify_all(log) == 1203

    def test_an_import_that_comes_too_late_is_refused_whole(self, log: OpenLog) -> None:
        """One row that somebody else changed meanwhile leaves nothing of the import behind."""
        append(log, "order-250", 0)
        wanted = [
            Append(stream=f"order-{n}", expected_version=0, drafts=[DRAFT]) for n in range(300)
        ]
        once = context()
        with pytest.raises(Conflict), log.begin() as opened:
            opened.append(once, wanted, recorded_at=NOW)

        assert [event.stream for event in everything(log)] == ["order-250"]
        assert not append(log, "order-1", 0, of=once).repeated

    def test_columns_say_the_same_as_events(self, log: OpenLog) -> None:
        """An archive holds exactly what readers of the log were told."""
        append(log, "order-1", 0, 3)
        events = everything(log)
        with log.begin() as opened:
            stored = opened.stored_after(0, limit=10)
        assert [recorded_of(one) for one in stored] == events
        assert [stored_of(event) for event in events] == stored

    def test_a_stream_is_appended_to_once_in_a_command(self, log: OpenLog) -> None:
        """Two events of one version would follow each other in a stream."""
        once = Append(stream="order-1", expected_version=0, drafts=[DRAFT])
        with pytest.raises(ValueError, match="once"), log.begin() as opened:
            opened.append(context(), [once, once], recorded_at=NOW)

    def test_several_streams_are_written_all_or_none(self, log: OpenLog) -> None:
        """Half of a command is never recorded."""
        append(log, "order-1", 0)
        both = [
            Append(stream=name, expected_version=0, drafts=[DRAFT])
            for name in ("order-2", "order-1")
        ]

        with pytest.raises(Conflict), log.begin() as opened:
            opened.append(context(), both, recorded_at=NOW)

        assert [event.stream for event in everything(log)] == ["order-1"]

    def test_a_repeated_command_returns_the_first_result(self, log: OpenLog) -> None:
        """A client that retries after a lost answer causes nothing twice."""
        once = context()
        first = append(log, "order-1", 0, 2, of=once)
        again = append(log, "order-1", 0, 2, of=once)

        assert (again.repeated, again.spans, again.events) == (True, first.spans, ())
        assert len(everything(log)) == 2

    def test_a_repeated_command_is_known_before_versions_are_looked_at(self, log: OpenLog) -> None:
        """A retry is recognised although the stream has moved on since."""
        once = context()
        append(log, "order-1", 0, of=once)
        append(log, "order-1", 1)

        assert append(log, "order-1", 0, of=once).repeated

    def test_a_command_that_recorded_nothing_is_remembered(self, log: OpenLog) -> None:
        """Doing nothing is a result too."""
        once = context()
        for repeated in (False, True):
            with log.begin() as opened:
                assert opened.append(once, [], recorded_at=NOW).repeated is repeated

    def test_a_command_id_belongs_to_one_command(self, log: OpenLog) -> None:
        """Reusing an id for something else is refused instead of silently dropped."""
        once = context(command=b"first")
        append(log, "order-1", 0, of=once)
        other = context(command=b"second", command_id=once.command_id)

        with pytest.raises(CommandReused):
            append(log, "order-2", 0, of=other)

    def test_a_rolled_back_command_leaves_nothing(self, log: OpenLog) -> None:
        """A use case that fails after writing has not happened."""
        once = context()
        with pytest.raises(ZeroDivisionError):
            append_and_fail(log, once)

        assert everything(log) == []
        assert not append(log, "order-1", 0, of=once).repeated

    @pytest.mark.parametrize("year", [1, 9999])
    def test_a_moment_outside_the_calendar_is_refused(self, log: OpenLog, year: int) -> None:
        """An event that cannot be read back would block every reader for ever."""
        at = datetime(year, 6, 1, tzinfo=UTC)
        wanted = Append(stream="order-1", expected_version=0, drafts=[DRAFT], occurred_at=at)
        with pytest.raises(Invalid), log.begin() as opened:
            opened.append(context(), [wanted], recorded_at=NOW)
        assert everything(log) == []

    def test_positions_lanes_and_chains_hold_together(self, log: OpenLog) -> None:
        """A reader can tell that nothing is missing and nothing was changed."""
        for number in range(40):
            append(log, f"order-{number}", 0, 2)

        assert verify_all(log) == 80

    def test_an_event_knows_its_position(self, log: OpenLog) -> None:
        """Of two things that began, everybody can say which began first."""
        append(log, "order-1", 0)
        append(log, "order-2", 0, 2)
        placed = {(event.stream, event.version): event.position for event in everything(log)}

        with log.begin() as opened:
            found = {key: opened.position_of("acme", *key) for key in placed}
            assert found == placed
            assert opened.position_of("acme", "order-2", 3) is None
            assert opened.position_of("other", "order-1", 1) is None

    def test_lanes_can_be_read_alone(self, log: OpenLog) -> None:
        """A consumer of one lane repairs a gap without reading the whole log."""
        for number in range(20):
            append(log, f"order-{number}", 0)
        recorded = everything(log)
        with log.begin() as opened:
            heads = opened.lane_heads()
            for lane, head in heads.items():
                mine = [event for event in recorded if event.lane == lane]
                assert list(opened.lane_after(lane, 0, limit=100)) == mine
                assert (head.position, head.chain) == (mine[-1].position, mine[-1].chain)

    def test_the_past_can_be_asked_for(self, log: OpenLog) -> None:
        """What was known at a moment is a position."""
        append(log, "order-1", 0)
        with log.begin() as opened:
            wanted = Append(stream="order-2", expected_version=0, drafts=[DRAFT])
            opened.append(context(), [wanted], recorded_at=NOW + timedelta(hours=1))
        everything(log)

        with log.begin() as opened:
            times = [NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)]
            assert [opened.as_of(at) for at in times] == [0, 1, 2]

    @pytest.mark.parametrize(
        "statement", ["UPDATE events SET tenant = 'evil'", "DELETE FROM events"]
    )
    def test_the_database_refuses_to_change_the_past(self, log: OpenLog, statement: str) -> None:
        """Not even somebody with the application's password can rewrite history."""
        append(log, "order-1", 0)

        with pytest.raises(DBAPIError, match="append-only"):
            log.execute(statement)

    def test_of_eight_writers_of_one_version_one_wins(self, log: OpenLog) -> None:
        """The last unit in stock cannot be sold twice."""
        append(log, "stock-1", 0)
        barrier = threading.Barrier(8)

        def write(_: int) -> str:
            barrier.wait(timeout=30)
            try:
                append(log, "stock-1", 1)
            except Conflict:
                return "conflict"
            return "won"

        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(write, range(8)))

        assert outcomes == {"won": 1, "conflict": 7}

    def test_a_tailing_reader_misses_nothing(self, log: OpenLog) -> None:
        """Under concurrent writers a reader sees every event once, in order, without gaps."""
        each = self.events // self.writers // 10
        done = threading.Event()

        def write(writer: int) -> None:
            for number in range(each):
                append(log, f"thing-{writer}-{number % 7}", number // 7 * 10, 10)

        with ThreadPoolExecutor(self.writers + 1) as pool:
            seen = pool.submit(list, tail(log, done.is_set))
            for writing in [pool.submit(write, writer) for writer in range(self.writers)]:
                writing.result()
            done.set()

        events = seen.result()
        assert [event.position for event in events] == list(range(1, len(events) + 1))
        assert len({event.id for event in events}) == len(events) == each * 10 * self.writers
        assert streams_are_in_order(events)
        assert verify_all(log) == len(events)


def tail(log: OpenLog, finished: Callable[[], bool]) -> Iterator[Recorded]:
    """Yield events by position until ``finished`` was true before an empty read."""
    position = 0
    while True:
        last_round = finished()
        log.settle()
        with log.begin() as opened:
            batch = opened.after(position, limit=500)
        if not batch and last_round:
            return
        yield from batch
        position = batch[-1].position if batch else position


def streams_are_in_order(events: list[Recorded]) -> bool:
    """Say whether every stream's versions count up from 1."""
    versions: Counter[tuple[str, str]] = Counter()
    for event in events:
        versions[event.tenant, event.stream] += 1
        if event.version != versions[event.tenant, event.stream]:
            return False
    return True


def verify_all(log: OpenLog) -> int:
    """Verify the whole log and return how many events it has."""
    log.settle()
    with log.begin() as opened:
        return verify(opened).events
