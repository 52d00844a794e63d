"""An orchestrator sends traffic only to a process that can serve it."""

from pathlib import Path

import pytest

from chassis import health
from chassis.broker import Broker
from chassis.database import Database


def fine() -> health.Check:
    return health.Check(name="fine", probe=lambda: None)


def failing(error: Exception) -> health.Check:
    def probe() -> None:
        raise error

    return health.Check(name="failing", probe=probe)


def test_ready_when_every_check_holds(tmp_path: Path) -> None:
    """A healthy process gets traffic."""
    database = Database(f"sqlite:///{tmp_path}/a.sqlite")
    checks = [fine(), health.database_answers(database), health.lag_below(10, lambda: 10)]

    ready, report = health.readiness(checks)

    assert ready
    assert [answer.name for answer in report] == ["fine", "database answers", "lag below limit"]
    assert {answer.problem for answer in report} == {None}
    database.close()


def test_one_failing_check_is_enough_and_the_others_still_run() -> None:
    """An operator sees all that is wrong at once."""
    behind = health.lag_below(10, lambda: 11)

    ready, report = health.readiness([failing(OSError("x")), behind, fine()])

    assert not ready
    assert [answer.problem for answer in report] == [
        "failed: OSError",
        "11 events behind, allowed are 10",
        None,
    ]


def test_a_stopped_subscription_makes_not_ready_and_says_why() -> None:
    """Nobody would notice that a consumer stopped, because its process goes on."""
    alarms: dict[str, str] = {}
    check = health.logs_continue(alarms)
    assert health.readiness([check])[0]

    alarms["commerce.on.identity"] = "position 7 is not the event that was read"
    ready, report = health.readiness([check])

    assert not ready
    assert report[0].problem == "commerce.on.identity: position 7 is not the event that was read"


def test_a_report_never_quotes_an_error() -> None:
    """The report is open to whoever reaches the port, so it shows no password."""
    _, report = health.readiness([failing(RuntimeError("amqp://app:hunter2@mq"))])

    assert report[0].problem == "failed: RuntimeError"


def test_a_database_that_is_away_makes_not_ready(tmp_path: Path) -> None:
    """No traffic while the database does not answer."""
    database = Database(f"sqlite:///{tmp_path}/missing/a.sqlite")

    ready, report = health.readiness([health.database_answers(database)])

    assert (ready, report[0].problem) == (False, "failed: Unavailable")


def test_a_broker_that_is_away_makes_not_ready() -> None:
    """No traffic while the broker takes no connection."""
    ready, report = health.readiness(
        [health.broker_answers(Broker.at("amqp://app:hunter2@127.0.0.1:1/x"))]
    )

    assert not ready
    assert report[0].name == "broker answers"
    assert "hunter2" not in str(report)


def test_alive_needs_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker outage does not make the orchestrator kill every process."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("looked outside")

    monkeypatch.setattr("socket.socket.connect", refuse)

    assert health.liveness() == (True, [])
