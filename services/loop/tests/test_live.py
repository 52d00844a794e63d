"""The live facts: checkpoints and facts stand or fall together in one file."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import loop.live
from chassis.envelope import Recorded
from chassis.errors import Alarm, Conflict
from chassis.ids import LANES
from chassis.inbox import OrderedInbox
from chassis.log import LaneHead
from four_logs import FourLogs, mention
from loop import unread
from loop.board import Board
from loop.evaluate import value_of
from loop.live import DuckLedger, LiveFacts, lanes_of
from loop.replay import Result, replay, whole_log


@pytest.fixture
def facts(tmp_path: Path) -> Iterator[LiveFacts]:
    made = LiveFacts(tmp_path / "facts.duckdb")
    yield made
    made.close()


def inbox(facts: LiveFacts, logs: FourLogs, source: str) -> OrderedInbox:
    """Return the live inbox of one log."""
    return OrderedInbox(DuckLedger(facts, source), logs.feeds[source], lanes=range(LANES))


def take_everything(facts: LiveFacts, logs: FourLogs) -> None:
    """Catch up with all four logs."""
    for source in logs.feeds:
        inbox(facts, logs, source).check_heads()


def listening(logs: FourLogs) -> list[Recorded]:
    """Return what listening has recorded."""
    return whole_log("listening", logs.feeds["listening"])


def add_mentions(logs: FourLogs, count: int, *, stream: str = "m") -> None:
    """Record mentions, two events each, in one stream and so in one lane."""
    for number in range(count):
        for source, name, data, hours in mention(number, "positive", number):
            logs.add(source, name, data, hours=hours, stream=stream)


def volume(facts: LiveFacts) -> int:
    """Return how many mentions the live loop counts."""
    tenants = Board(facts, rest=0).newest().tenants
    return int(value_of(tenants["acme"], "mention_volume")) if "acme" in tenants else 0


def test_live_numbers_are_the_replayed_ones(facts: LiveFacts, told: FourLogs) -> None:
    """Otherwise the page and a replay disagree about the same facts."""
    take_everything(facts, told)
    live, again = Board(facts).newest(), replay(told.feeds, shuffle_seed=5)
    assert live.positions == again.positions
    assert live.tenants["acme"].hash == again.tenants["acme"].hash


def test_a_message_that_comes_twice_counts_once(facts: LiveFacts, logs: FourLogs) -> None:
    """Otherwise a redelivery after a crash raises every number."""
    add_mentions(logs, 3)
    box = inbox(facts, logs, "listening")
    box.receive(listening(logs))
    box.receive(listening(logs))
    assert volume(facts) == 3


def test_a_lost_message_is_pulled_from_the_log(facts: LiveFacts, logs: FourLogs) -> None:
    """Otherwise one lost message is missing from the numbers for ever."""
    add_mentions(logs, 3)
    events = listening(logs)
    inbox(facts, logs, "listening").receive([events[0], events[-1]])
    assert volume(facts) == 3
    assert facts.vector["listening"] == 6


def test_a_fork_stops_the_reader(facts: LiveFacts, tmp_path: Path) -> None:
    """Otherwise a restore that lost the tail mixes two histories in one number."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, restored = FourLogs(tmp_path / "a"), FourLogs(tmp_path / "b")
    add_mentions(before, 3)
    inbox(facts, before, "listening").check_heads()
    add_mentions(restored, 2)
    with pytest.raises(Alarm):
        inbox(facts, restored, "listening").check_heads()
    assert volume(facts) == 3
    before.close()
    restored.close()


def test_a_fork_in_another_lane_stops_the_reader(facts: LiveFacts, tmp_path: Path) -> None:
    """Otherwise a lane that the restore left whole would fill the lost events' positions."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    before, restored = FourLogs(tmp_path / "a"), FourLogs(tmp_path / "b")
    add_mentions(before, 3, stream="m")
    inbox(facts, before, "listening").check_heads()
    add_mentions(restored, 1, stream="n")
    assert not {event.lane for event in listening(before)} & {e.lane for e in listening(restored)}
    with pytest.raises(Alarm):
        inbox(facts, restored, "listening").receive(listening(restored))
    assert volume(facts) == 3
    before.close()
    restored.close()


def test_a_rival_that_moved_first_wins(facts: LiveFacts, logs: FourLogs) -> None:
    """Otherwise two readers of one lane would both count its events."""
    add_mentions(logs, 1)
    events = listening(logs)
    ledger = DuckLedger(facts, "listening")
    inbox(facts, logs, "listening").receive(events)
    after = {events[-1].lane: LaneHead(position=2, chain=events[-1].chain)}
    with pytest.raises(Conflict), ledger.begin() as turn:
        turn.take(events, {}, after)
    assert volume(facts) == 1


def test_a_batch_that_fails_leaves_nothing_behind(
    facts: LiveFacts, logs: FourLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a crash between facts and checkpoint counts events twice."""
    add_mentions(logs, 2)

    def die(_point: str) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr(loop.live, "reach", die)
    with pytest.raises(RuntimeError):
        inbox(facts, logs, "listening").receive(listening(logs))
    assert lanes_of(facts, "listening") == {}
    monkeypatch.undo()
    take_everything(facts, logs)
    assert volume(facts) == 2


def test_the_vector_has_no_gaps(facts: LiveFacts, logs: FourLogs) -> None:
    """Otherwise numbers at a vector lack a slow lane's events and change afterwards."""
    for number in range(8):
        add_mentions(logs, 1, stream=f"m{number}")
    box = inbox(facts, logs, "listening")
    late = listening(logs)[0].lane
    for lane in range(LANES):
        if lane != late:
            box.catch_up(lane, 16)
    assert facts.vector["listening"] == 0
    box.catch_up(late, 16)
    assert facts.vector["listening"] == 16


def test_the_file_remembers_where_it_was(tmp_path: Path, logs: FourLogs) -> None:
    """Otherwise every restart reads every log from zero."""
    path = tmp_path / "facts.duckdb"
    add_mentions(logs, 2)
    first = LiveFacts(path)
    take_everything(first, logs)
    first.close()
    second = LiveFacts(path)
    assert second.vector["listening"] == 4
    assert inbox(second, logs, "listening").check_heads() == 0
    second.close()


def test_another_builds_file_is_filled_anew(
    tmp_path: Path, logs: FourLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise facts that an older build did not look for stay missing."""
    path = tmp_path / "facts.duckdb"
    add_mentions(logs, 2)
    first = LiveFacts(path)
    take_everything(first, logs)
    first.close()
    monkeypatch.setattr(loop.live, "_READING", 99)
    second = LiveFacts(path)
    assert second.vector["listening"] == 0
    take_everything(second, logs)
    assert volume(second) == 2
    second.close()


def test_an_event_of_an_unknown_version_waits_and_holds_up_nothing(
    facts: LiveFacts, logs: FourLogs
) -> None:
    """Otherwise a newer producer stops the loop, or its events vanish."""
    (detected, _), (other, _) = mention(1, "positive", 1), mention(2, "positive", 2)
    logs.add(*detected[:3], stream="m", version=9)
    logs.add(*other[:3], stream="m")
    take_everything(facts, logs)
    assert volume(facts) == 1
    (waiting,) = unread.listed(facts)
    assert (waiting.service, waiting.position, waiting.tries) == ("listening", 1, 1)
    assert "version 9" in waiting.error
    assert not unread.retry(facts, "listening", 1)
    assert unread.show(facts, "listening", 1).tries == 2


def test_a_build_that_knows_the_version_heals_what_waited(
    facts: LiveFacts, logs: FourLogs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an upgrade leaves holes in the numbers."""
    (detected, _) = mention(1, "positive", 1)
    logs.add(*detected[:3], version=9)
    take_everything(facts, logs)
    (known,) = [one for one in loop.live.upstream if one.name == "mention_detected"]
    newer = {("listening", "mention_detected"): replace(known, versions=(1, 9))}
    monkeypatch.setattr(loop.live.upstream, "_known", {**loop.live.upstream._known, **newer})
    assert unread.retry_all(facts) == 1
    assert unread.listed(facts) == []
    assert volume(facts) == 1


@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_whatever_the_bus_does_every_event_counts_once(
    told: FourLogs, replayed: Result, data: st.DataObject
) -> None:
    """Otherwise loss, doubling or disorder on the bus changes a number."""
    events = listening(told)
    places = st.integers(0, len(events) - 1)
    batches = data.draw(st.lists(st.lists(places, max_size=8), max_size=8))
    facts = LiveFacts()
    box = inbox(facts, told, "listening")
    for batch in batches:
        box.receive([events[place] for place in batch])
    take_everything(facts, told)
    assert Board(facts).newest().tenants["acme"].hash == replayed.tenants["acme"].hash
    facts.close()
