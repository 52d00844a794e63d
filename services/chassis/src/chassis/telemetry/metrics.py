"""Every metric, in one table; a dashboard may use only what stands here or is declared."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from opentelemetry.metrics import CallbackOptions, Meter, NoOpMeter, Observation

from chassis.telemetry.guard import Guard
from chassis.telemetry.tentative import tell

Kind = Literal["counter", "histogram", "gauge"]
Look = Callable[[], Iterable[tuple[Mapping[str, str], float]]]

SHORT = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0, 86400.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: As it is exported.
        kind: ``counter`` adds up, ``histogram`` distributes, ``gauge`` is the latest value.
        unit: ``s``, or ``{event}`` and the like for things counted.
        description: What an operator reads beside it.
        labels: The only labels it may carry.
        business: Only such a metric may carry the label ``tenant``: a mechanism's metric
            with one would cost a time series for each customer of each process.
        buckets: A histogram's bounds, in seconds: of what machines do, or ``LONG`` for people.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    labels: frozenset[str] = frozenset()
    business: bool = False
    buckets: tuple[float, ...] = SHORT

    def __post_init__(self) -> None:
        """Refuse a tenant label on a mechanism's metric."""
        if "tenant" in self.labels and not self.business:
            raise TenantLabelRefused(self.name)


class TenantLabelRefused(Exception):
    """Only business metrics may carry the tenant."""


class AlreadyDeclared(Exception):
    """Two metrics of one name would be added up into nonsense."""


@dataclass(slots=True)
class _Installed:
    meter: Meter = field(default_factory=lambda: NoOpMeter("chassis"))
    guard: Guard = field(default_factory=Guard)
    instruments: dict[str, Any] = field(default_factory=dict)
    looks: dict[str, list[Look]] = field(default_factory=dict)


_declared: dict[str, Metric] = {}
_installed = _Installed()


def declare(metric: Metric) -> Metric:
    """Add a metric to the table; a service declares its business metrics beside their rule.

    Raises:
        AlreadyDeclared: another one has this name.
    """
    if _declared.setdefault(metric.name, metric) != metric:
        raise AlreadyDeclared(metric.name)
    return metric


def declared() -> tuple[Metric, ...]:
    """Return the whole table, by name."""
    return tuple(sorted(_declared.values(), key=lambda metric: metric.name))


APPENDED = declare(
    Metric(
        name="sixfold.log.appended",
        kind="counter",
        unit="{event}",
        description="Events appended to the log",
    )
)
APPEND_SECONDS = declare(
    Metric(
        name="sixfold.log.append.duration",
        kind="histogram",
        unit="s",
        description="How long one append took, commit included",
        labels=frozenset({"outcome"}),
    )
)
LOG_POSITION = declare(
    Metric(
        name="sixfold.log.position",
        kind="gauge",
        unit="{event}",
        description="The position of the log's newest event",
    )
)
SEQUENCER_LAG = declare(
    Metric(
        name="sixfold.sequencer.lag",
        kind="gauge",
        unit="{event}",
        description="Committed events that have no position yet",
    )
)
PUBLISHER_LAG = declare(
    Metric(
        name="sixfold.publisher.lag",
        kind="gauge",
        unit="{event}",
        description="Events with a position that the broker has not confirmed yet",
    )
)
PUBLISHED = declare(
    Metric(
        name="sixfold.publisher.published",
        kind="counter",
        unit="{event}",
        description="Events confirmed by the broker",
    )
)
PUBLISHER_BLOCKED = declare(
    Metric(
        name="sixfold.publisher.blocked",
        kind="gauge",
        unit="{publisher}",
        description="1 while the broker takes no messages: its disk or memory is short",
    )
)
LEADING = declare(
    Metric(
        name="sixfold.leader.leading",
        kind="gauge",
        unit="{role}",
        description="1 while this replica is the one that works, by role",
        labels=frozenset({"role"}),
    )
)
SUBSCRIPTION_LAG = declare(
    Metric(
        name="sixfold.subscription.lag",
        kind="gauge",
        unit="{event}",
        description="Events of a source that a subscription has not handled yet",
        labels=frozenset({"subscription", "source"}),
    )
)
HANDLED = declare(
    Metric(
        name="sixfold.subscription.handled",
        kind="counter",
        unit="{event}",
        description="Events that a subscription finished, by outcome",
        labels=frozenset({"subscription", "source", "outcome"}),
    )
)
HANDLE_SECONDS = declare(
    Metric(
        name="sixfold.subscription.duration",
        kind="histogram",
        unit="s",
        description="How long one batch took, commit included",
        labels=frozenset({"subscription", "source"}),
    )
)
PARKED = declare(
    Metric(
        name="sixfold.subscription.parked",
        kind="gauge",
        unit="{event}",
        description="Events parked, waiting for a delay or for a person",
        labels=frozenset({"subscription", "source"}),
    )
)
PARKED_STUCK = declare(
    Metric(
        name="sixfold.subscription.parked.stuck",
        kind="gauge",
        unit="{event}",
        description="Parked events that failed for good and wait for a person",
        labels=frozenset({"subscription", "source"}),
    )
)
READER_STOPPED = declare(
    Metric(
        name="sixfold.reader.stopped",
        kind="gauge",
        unit="{reader}",
        description="1 where a reader has stopped because a log cannot be trusted",
        labels=frozenset({"reader"}),
    )
)
PROJECTION_LAG = declare(
    Metric(
        name="sixfold.projection.lag",
        kind="gauge",
        unit="{event}",
        description="Own events that a read model does not show yet",
        labels=frozenset({"projection"}),
    )
)
TIMERS_DUE = declare(
    Metric(
        name="sixfold.timer.due",
        kind="gauge",
        unit="{timer}",
        description="Timers whose moment has passed and that have not fired yet",
        labels=frozenset({"process"}),
    )
)
ORPHANS = declare(
    Metric(
        name="sixfold.process.orphans",
        kind="gauge",
        unit="{process}",
        description="Instances of a process that stand still, unfinished, and wait for no timer",
        labels=frozenset({"process"}),
    )
)
FACTS = declare(
    Metric(
        name="sixfold.facts",
        kind="counter",
        unit="{event}",
        description="What happened, by the type of the event",
        labels=frozenset({"tenant", "type"}),
        business=True,
    )
)
ATTRIBUTES_DROPPED = declare(
    Metric(
        name="sixfold.telemetry.dropped",
        kind="counter",
        unit="{attribute}",
        description="Attributes kept out of telemetry because nobody allowed them",
    )
)


def install(meter: Meter, guard: Guard) -> None:
    """Send measurements to ``meter`` from now on, their labels through ``guard``."""
    _installed.meter, _installed.guard = meter, guard
    _installed.instruments, _installed.looks = {}, {}


def uninstall() -> None:
    """Send measurements nowhere, as before any set-up."""
    install(NoOpMeter("chassis"), Guard())


def record(metric: Metric, value: float = 1, **labels: str) -> None:
    """Add to a counter, or record the value of a histogram or gauge.

    Raises:
        AttributeRefused: a label is not declared for the metric (not in production).
    """
    admitted = _installed.guard.admit(labels, metric.labels)
    instrument = _instrument(metric)
    match metric.kind:
        case "counter":
            tell(partial(instrument.add, value, admitted))
        case "histogram":
            tell(partial(instrument.record, value, admitted))
        case "gauge":
            tell(partial(instrument.set, value, admitted))


def watch(metric: Metric, look: Look) -> None:
    """Have a gauge looked up whenever somebody reads the metrics, from now on.

    Args:
        metric: A gauge that nothing is recorded to besides.
        look: Returns each combination of labels with its value; must not wait for anything.
    """
    looks = _installed.looks.setdefault(metric.name, [])
    looks.append(look)
    if len(looks) > 1:
        return  # one instrument asks them all
    guard = _installed.guard

    def observe(_: CallbackOptions) -> Iterator[Observation]:
        for labels, value in (found for each in looks for found in each()):
            yield Observation(value, guard.admit(labels, metric.labels))

    _installed.meter.create_observable_gauge(
        metric.name, [observe], metric.unit, metric.description
    )


@contextmanager
def timed(metric: Metric, **labels: str) -> Iterator[None]:
    """Record how many seconds a block took, also when it raised."""
    started = time.perf_counter()
    try:
        yield
    finally:
        record(metric, time.perf_counter() - started, **labels)


def _instrument(metric: Metric) -> Any:
    made = _installed.instruments.get(metric.name)
    if made is None:
        made = _installed.instruments.setdefault(metric.name, _create(metric))
    return made


def _create(metric: Metric) -> Any:
    meter, what = _installed.meter, (metric.name, metric.unit, metric.description)
    match metric.kind:
        case "counter":
            return meter.create_counter(*what)
        case "histogram":
            return meter.create_histogram(*what, explicit_bucket_boundaries_advisory=metric.buckets)
        case "gauge":
            return meter.create_gauge(*what)
