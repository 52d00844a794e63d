"""Weeks close once, with everything recorded by then, and are restated openly."""

from datetime import timedelta

import pytest

from four_logs import MONDAY, FourLogs, mention, tell
from loop.cycle import hash_of
from loop.cycle_record import StateCycle, decide, evolve
from loop.events import LoopCycleClosed, LoopCycleRestated
from loop_service import LoopUnderTest

WEEK = "2026-W19"
AFTER = MONDAY + timedelta(days=7)


def state(hash_: str) -> StateCycle:
    """Return the command that states a week's numbers."""
    return StateCycle(cycle=WEEK, hash=hash_, stages={}, positions={"commerce": 1})


def test_a_week_closes_once_and_is_restated_only_when_its_numbers_changed() -> None:
    """Otherwise the record fills with repetitions, or a correction is silent."""
    (closed,) = decide(None, state("a"))
    assert isinstance(closed, LoopCycleClosed)
    assert decide(evolve(None, closed), state("a")) == []
    (restated,) = decide("a", state("b"))
    assert isinstance(restated, LoopCycleRestated)
    assert restated.replaces == "a"


def test_a_week_that_is_not_over_stays_open(service: LoopUnderTest, logs: FourLogs) -> None:
    """Otherwise a week's record lacks its last days."""
    tell(logs)
    service.take()
    assert service.closer.step() == 0
    assert service.recorded() == []


def test_a_week_closes_with_its_hash_and_position_vector(
    service: LoopUnderTest, logs: FourLogs
) -> None:
    """Otherwise nobody can say later what was known when the week was closed."""
    tell(logs)
    service.take()
    service.clock.set(AFTER)
    assert service.closer.step() == 1
    assert service.closer.step() == 0
    (closed,) = service.recorded()
    assert closed.cycle == WEEK
    assert closed.hash == hash_of(closed.stages)
    assert closed.stages["listen"]["mention_volume"] == 4
    assert closed.positions == {source: logs.head(source) for source in logs.feeds}


def test_a_week_waits_for_what_was_recorded_before_it_ended(
    service: LoopUnderTest, logs: FourLogs
) -> None:
    """Otherwise a slow subscription's events are missing from the closed week."""
    tell(logs)
    service.take("identity", "listening", "campaigns")
    service.clock.set(AFTER)
    assert service.closer.step() == 0
    service.take("commerce")
    assert service.closer.step() == 1


def test_a_quiet_service_does_not_hold_the_week(service: LoopUnderTest, logs: FourLogs) -> None:
    """Otherwise a brand without advertisements never sees a closed week."""
    for source, name, data, hours in mention(1, "positive", 1):
        logs.add(source, name, data, hours=hours)
    service.take()
    service.clock.set(AFTER)
    assert service.closer.step() == 1
    assert service.recorded()[0].positions["campaigns"] == 0


def test_a_late_fact_restates_the_week_openly(service: LoopUnderTest, logs: FourLogs) -> None:
    """Otherwise a closed number changes silently, or stays wrong."""
    tell(logs)
    service.take()
    service.clock.set(AFTER)
    service.closer.step()
    for source, name, data, hours in mention(9, "negative", 30):
        logs.add(source, name, data, hours=hours)
    service.take()
    assert service.closer.step() == 1
    closed, restated = service.recorded()
    assert restated.replaces == closed.hash
    assert restated.stages["listen"]["net_sentiment"] == "0.000000000"
    service.sign_in()
    assert "restated 1 times" in service.client.get(f"/?cycle={WEEK}").text


@pytest.mark.parametrize("version", [2])
def test_an_event_that_cannot_be_read_holds_the_week(
    service: LoopUnderTest, logs: FourLogs, version: int
) -> None:
    """Otherwise a week closes although some of its facts are missing."""
    tell(logs)
    logs.add("commerce", "order_completed", {"order_id": "o1"}, hours=60, version=version)
    service.take()
    service.clock.set(AFTER)
    assert service.closer.step() == 0
    assert service.recorded() == []
