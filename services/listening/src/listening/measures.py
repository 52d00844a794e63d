"""What operators see of listening: how soon it hears, how soon it acts, how it keeps its word."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, func, select

from chassis.blueprint import Calls
from chassis.clock import micros
from chassis.envelope import Recorded
from chassis.storage import Storage
from chassis.telemetry import metrics
from chassis.telemetry.metrics import LONG, Metric, declare
from listening.case_events import CaseOpened, CaseReopened, ReplySent, SlaBreached
from listening.events import MentionDetected
from listening.mention import MENTION
from listening.tables import tenants, turns

DISCOVERY_LAG = declare(
    Metric(
        name="sixfold.listening.discovery.lag",
        kind="histogram",
        unit="s",
        description="From posting to discovery of a mention",
        labels=frozenset({"tenant"}),
        business=True,
        buckets=LONG,
    )
)
HANDLING_LAG = declare(
    Metric(
        name="sixfold.listening.handling.lag",
        kind="histogram",
        unit="s",
        description="From the recorded mention to its open case",
        labels=frozenset({"tenant"}),
        business=True,
        buckets=LONG,
    )
)
CASE_DUE = declare(
    Metric(
        name="sixfold.listening.case.due",
        kind="histogram",
        unit="s",
        description="How long after discovery the replies to new cases are due",
        labels=frozenset({"tenant"}),
        business=True,
        buckets=LONG,
    )
)
REPLY_LATENCY = declare(
    Metric(
        name="sixfold.listening.reply.latency",
        kind="histogram",
        unit="s",
        description="From discovery to the sent reply",
        labels=frozenset({"tenant"}),
        business=True,
        buckets=LONG,
    )
)
BREACHES = declare(
    Metric(
        name="sixfold.listening.case.breached",
        kind="counter",
        unit="{case}",
        description="Replies that were late",
        labels=frozenset({"tenant"}),
        business=True,
    )
)
OVERDUE = declare(
    Metric(
        name="sixfold.listening.case.overdue",
        kind="gauge",
        unit="{case}",
        description="Turns of open cases whose reply was due by now",
        labels=frozenset({"tenant"}),
        business=True,
    )
)


def count_overdue(db: Connection, now: datetime) -> None:
    """Record for each tenant how many answers are late and still owed."""
    late, row = micros(now), turns.c
    for tenant in db.scalars(select(tenants.c.tenant)):
        owed = (row.tenant == tenant, row.open, row.replied_at.is_(None), row.due_at < late)
        count = db.scalar(select(func.count()).select_from(turns).where(*owed)) or 0
        metrics.record(OVERDUE, count, tenant=tenant)


def measuring(storage: Storage) -> Calls:
    """Return what is measured of each event, once, whoever rebuilds a read model."""

    def measure(recorded: Recorded) -> None:
        event = storage.registry.decode(recorded, storage.keys)
        values = _values(event)
        if isinstance(event, CaseOpened | CaseReopened):
            heard_at = _heard_at(storage, recorded.tenant, event)
            values = {**values, HANDLING_LAG: _seconds(heard_at, recorded.recorded_at)}
        for metric, value in values.items():
            metrics.record(metric, value, tenant=recorded.tenant)

    measured = (MentionDetected, CaseOpened, CaseReopened, ReplySent, SlaBreached)
    return {storage.registry.kind_for(cls).name: measure for cls in measured}


def _values(event: object) -> Mapping[Metric, float]:
    match event:
        case MentionDetected():
            return {DISCOVERY_LAG: max(0.0, _seconds(event.posted_at, event.detected_at))}
        case CaseOpened() | CaseReopened():
            return {CASE_DUE: _seconds(event.clock_started_at, event.due_at)}
        case ReplySent():
            return {REPLY_LATENCY: event.latency_s}
        case SlaBreached():
            return {BREACHES: 1}
        case _:
            return {}


def _heard_at(storage: Storage, tenant: str, event: CaseOpened | CaseReopened) -> datetime:
    with storage.read(tenant) as db:
        heard = storage.log(db).stream(tenant, MENTION.stream(event.mention_id))
    return heard[0].recorded_at


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
