"""Keep what a tenant may do, as the service that owns tenants told it."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from chassis import direct
from chassis.changes import Change, put
from chassis.keyed_rows import fold_into
from chassis.quotas.limits import InForce, NamedLimit, Plan
from chassis.quotas.tables import quota_limits
from chassis.unit_of_work import UnitOfWork

ONE = "SELECT zone, limits FROM quota_limits WHERE tenant = :tenant"
_ALL = "SELECT tenant, zone, limits FROM quota_limits"


def told(tenant: str, *, zone: str, limits: Sequence[NamedLimit]) -> Change:
    """Return how what is kept of a tenant changes: all at once, nothing stays of before."""
    kept = {one.name: one.limit for one in limits}
    return put(quota_limits, tenant=tenant, zone=zone, limits=msgspec.json.encode(kept).decode())


def hear(work: UnitOfWork, *, zone: str, limits: Sequence[NamedLimit]) -> None:
    """Keep what another service told of the tenant's quotas."""
    fold_into(work.db, [told(work.tenant, zone=zone, limits=limits)])


def in_force(plan: Plan, row: Sequence[str]) -> InForce:
    """Return what a tenant may do, given what is kept of it; nothing may be kept."""
    if not row:
        return plan.of()
    zone, limits = row
    named = msgspec.json.decode(limits, type=dict[str, int | None])
    return plan.of([NamedLimit(name=name, limit=most) for name, most in named.items()], zone)


def in_force_for_all(db: Connection, plan: Plan) -> dict[str, InForce]:
    """Return what each tenant may do of whom something was told."""
    rows = direct.tuples(db, _ALL)
    return {tenant: in_force(plan, (zone, limits)) for tenant, zone, limits in rows}
