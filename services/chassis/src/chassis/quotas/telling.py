"""Tell of quotas that come to their end: as events, once in a period, and as a gauge.

A loop of the relay looks at the counts every few seconds, so that no command pays for it.  The
events' ids derive from what they tell, so two relays, or one that is started again, tell it once.
"""

from datetime import timedelta

from chassis import direct
from chassis.clock import micros
from chassis.context import of_our_own
from chassis.ids import derived_id
from chassis.quotas.events import QuotaNearlyUsed, QuotaUsedUp
from chassis.quotas.limits import BY_NAME
from chassis.quotas.use import Use, use_of_all
from chassis.storage import Storage
from chassis.telemetry import current_traceparent, metrics

SECONDS = 5.0
NEARLY = 0.8
KEPT = timedelta(days=40)
"""For so long a count is kept after its period: a month's, until the month after is billed."""
USED = metrics.declare(
    metrics.Metric(
        name="sixfold.quota.used",
        kind="gauge",
        unit="1",
        description="How much of a tenant's quota is used; 1 is all of it",
        labels=frozenset({"tenant", "quota"}),
        business=True,
    )
)
_OLD = "SELECT 1 FROM quota_counts WHERE ends_at < :before LIMIT 1"
_FORGET = "DELETE FROM quota_counts WHERE ends_at < :before"


def tell(storage: Storage) -> int:
    """Measure every quota, and tell of those that come to their end.

    Returns:
        How many events were recorded.

    Raises:
        Unavailable: the database does not answer.
        Conflict: somebody else told it at the same time; call again.
    """
    now = storage.clock.now()
    before = {"before": micros(now - KEPT)}
    with storage.system.read() as db:
        uses = use_of_all(db, storage.quotas.plan, now)
        is_old = bool(direct.tuples(db, _OLD, before))
    for use in uses:
        metrics.record(USED, use.ratio, tenant=use.tenant, quota=use.name)
    if is_old:
        with storage.system.begin() as db:
            direct.execute(db, _FORGET, before)
    return sum(_tell(storage, use) for use in uses if _is_near(use))


def _is_near(use: Use) -> bool:
    """Say whether to tell: a limit of requests a minute would be told of all day long."""
    counted = BY_NAME.get(use.name)
    return use.limit > 0 and use.ratio >= NEARLY and not (counted and counted.per == "minute")


def _tell(storage: Storage, use: Use) -> int:
    period = use.period or use.day
    kind = QuotaUsedUp if use.ratio >= 1 else QuotaNearlyUsed
    event = kind(
        quota=use.name,
        limit=use.limit,
        used=use.used,
        begins=period.begins,
        ends=period.ends,
    )
    place = f"{use.name}-{period.key}"
    command_id = derived_id(use.tenant, "quota", place, use.limit, kind.__name__)
    context = of_our_own(
        storage.secret, command_id, tenant=use.tenant, actor="quotas",
        now=storage.clock.now(), traceparent=current_traceparent(),
    )  # fmt: skip
    with storage.begin(context) as work:
        if work.already_done:
            return 0
        stream = f"quota-{place}"
        work.add(stream, [event], expected_version=len(work.log.stream(use.tenant, stream)))
    return 1
