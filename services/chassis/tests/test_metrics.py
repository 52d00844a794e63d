"""What an operator measures: the mechanism by process, the business by tenant."""

from collections.abc import Iterator
from typing import Any

import pytest

from chassis.telemetry import metrics
from chassis.telemetry.guard import AttributeRefused
from chassis.telemetry.setup import InMemory
from chassis.testing.telemetry import recorded_telemetry


@pytest.fixture
def recorded() -> Iterator[InMemory]:
    with recorded_telemetry() as running:
        yield running


def test_counters_histograms_and_gauges_reach_the_reader(recorded: InMemory) -> None:
    """An operator sees lag, rate and latency."""
    metrics.record(metrics.APPENDED, 2)
    metrics.record(metrics.APPENDED, 3)
    for lag in (9, 4):
        metrics.record(metrics.SUBSCRIPTION_LAG, lag, subscription="a", source="b")
    with metrics.timed(metrics.APPEND_SECONDS, outcome="done"):
        pass

    measured = recorded.measurements()
    assert measured["sixfold.log.appended"][0][1].value == 5
    ((labels, lag_point),) = measured["sixfold.subscription.lag"]
    assert (labels, lag_point.value) == ({"subscription": "a", "source": "b"}, 4)
    ((labels, seconds),) = measured["sixfold.log.append.duration"]
    assert (labels, seconds.count) == ({"outcome": "done"}, 1)


def test_a_metric_carries_only_its_declared_labels(recorded: InMemory) -> None:
    """No label brings a person, or a million time series, into the metrics."""
    with pytest.raises(AttributeRefused):
        metrics.record(metrics.APPENDED, 1, tenant="acme")

    assert "sixfold.log.appended" not in recorded.measurements()


def test_only_a_business_metric_may_carry_the_tenant(recorded: InMemory) -> None:
    """The mechanism's metrics do not multiply with the customers."""
    wanted: dict[str, Any] = {
        "name": "sixfold.test.case.due",
        "kind": "gauge",
        "unit": "s",
        "description": "For a test",
        "labels": frozenset({"tenant"}),
    }
    with pytest.raises(metrics.TenantLabelRefused):
        metrics.Metric(**wanted)

    metrics.record(metrics.Metric(**wanted, business=True), 60, tenant="acme")

    assert recorded.measurements()["sixfold.test.case.due"][0][0] == {"tenant": "acme"}


def test_two_metrics_cannot_share_a_name() -> None:
    """A service cannot overwrite what a dashboard relies on."""
    mine = metrics.Metric(name="sixfold.log.appended", kind="gauge", unit="s", description="Mine")
    with pytest.raises(metrics.AlreadyDeclared):
        metrics.declare(mine)

    assert metrics.declare(metrics.APPENDED) in metrics.declared()
