"""What operators see in their metrics."""

from datetime import timedelta
from typing import Any

from chassis.testing.telemetry import recorded_telemetry
from listening.examples import BRAND
from listening.measures import count_overdue


def test_operators_see_lags_due_times_latencies_and_breaches(desk: Any) -> None:
    """A slow poller or a late team would show up only when customers complain."""
    with recorded_telemetry() as seen:
        posted = (desk.clock.now() - timedelta(seconds=90)).isoformat()
        taken = desk.hear(f"{BRAND} 几点开门?", posted_at=posted)
        desk.clock.advance(timedelta(seconds=7))
        desk.settle()
        case = taken["conversations"][0]["case_id"]
        desk.reply(case, at=desk.clock.now() + timedelta(seconds=353))
        desk.settle()
        measured = seen.measurements()

    def total(name: str) -> float:
        ((labels, point),) = measured[f"sixfold.listening.{name}"]
        assert labels == {"tenant": "acme"}
        return float(point.value if name == "case.breached" else point.sum)

    assert total("discovery.lag") == 90
    assert total("handling.lag") == 7
    assert total("case.due") == 300
    assert total("reply.latency") == 360
    assert total("case.breached") == 1


def test_answers_that_are_owed_beyond_their_time_are_counted(desk: Any) -> None:
    """A team that falls behind would be seen only in the report of the week."""

    def overdue() -> dict[str, int]:
        with recorded_telemetry() as seen:
            with desk.storage.system.read() as db:
                count_overdue(db, desk.clock.now())
            found = seen.measurements()["sixfold.listening.case.overdue"]
        return {labels["tenant"]: point.value for labels, point in found}

    case = desk.case(f"{BRAND} 几点开门?")
    desk.settle()
    assert overdue() == {"acme": 0}
    desk.clock.advance(timedelta(hours=3))
    desk.settle()
    assert overdue() == {"acme": 1}
    desk.reply(case, at=desk.clock.now())
    desk.settle()
    assert overdue() == {"acme": 0}
