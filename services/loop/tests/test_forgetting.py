"""Somebody is forgotten: the loop says so, and its numbers stay."""

from chassis.ids import derived_id
from four_logs import FourLogs, tell
from loop.board import Board
from loop_service import LoopUnderTest


def test_an_erasure_is_confirmed_once_and_changes_no_number(
    service: LoopUnderTest, logs: FourLogs
) -> None:
    """Otherwise identity waits for the loop for ever, or forgetting rewrites the past."""
    tell(logs)
    service.take()
    before = Board(service.facts).newest().tenants["acme"].hash
    request = str(derived_id("request"))
    data = {"request_id": request, "person_id": "ann", "subjects": ["ann", "a1"]}
    logs.add("identity", "erasure_requested", data, hours=70)
    service.take()
    assert service.forgetter.step() == 1
    assert service.forgetter.step() == 0
    (confirmed,) = service.recorded()
    assert str(confirmed.request_id) == request
    assert tuple(confirmed.subjects) == ("ann", "a1")
    assert Board(service.facts).newest().tenants["acme"].hash == before


def test_a_restart_confirms_nothing_twice(service: LoopUnderTest, logs: FourLogs) -> None:
    """Otherwise every restart records all erasures again."""
    data = {"request_id": str(derived_id("r")), "person_id": "p", "subjects": ["p"]}
    logs.add("identity", "erasure_requested", data)
    service.take()
    service.forgetter.step()
    type(service.forgetter)(service.storage, service.facts).step()
    assert len(service.recorded()) == 1
