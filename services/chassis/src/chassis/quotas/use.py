"""How much of each quota is used, of one tenant or of all."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection

from chassis import direct
from chassis.clock import micros
from chassis.quotas import hearing
from chassis.quotas.limits import BY_NAME, COUNTED, STORED, InForce, Plan
from chassis.quotas.periods import Per, Period, period_at

_PERS: tuple[Per, ...] = get_args(Per)
_STORED = "SELECT tenant, events FROM metered_totals"
_HELD = "SELECT tenant, name, held FROM quota_held"
_COUNTS = "SELECT tenant, name, period, taken FROM quota_counts WHERE ends_at > :now"
_ONE_STORED = f"{_STORED} WHERE tenant = :tenant"
_ONE_HELD = f"{_HELD} WHERE tenant = :tenant"
_NAMED = " OR ".join(f"name = '{one.name}' AND period = :{one.per}" for one in COUNTED)
# By name: the end that a row tells is that of the zone in which somebody counted last.
_ONE_COUNTS = f"""SELECT tenant, name, period, taken FROM quota_counts
WHERE tenant = :tenant AND ({_NAMED})"""  # noqa: S608  # constants


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """One quota of one tenant.

    Args:
        used: What was taken; of a counted quota also what a process holds and has not spent.
        period: In which it counts; None where it does not begin anew.
        day: The tenant's day.
    """

    tenant: str
    name: str
    limit: int
    used: int
    period: Period | None
    day: Period

    @property
    def ratio(self) -> float:
        """How much of it is used; 1 is all of it."""
        return self.used / self.limit if self.limit else float(self.used > 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What the tables say, by tenant, name and period."""

    counts: Mapping[tuple[str, str, str], int]
    held: Mapping[tuple[str, str], int]
    stored: Mapping[str, int]

    def used(self, tenant: str, name: str, period: Period | None) -> int:
        """Return how much of a quota is used."""
        if period is not None:
            return self.counts.get((tenant, name, period.key), 0)
        if name == STORED:
            return self.stored.get(tenant, 0)
        return max(0, self.held.get((tenant, name), 0))


def use_of(db: Connection, plan: Plan, tenant: str, now: datetime) -> list[Use]:
    """Return how much of each of its quotas one tenant has used."""
    rows = direct.tuples(db, hearing.ONE, {"tenant": tenant})
    limits = hearing.in_force(plan, rows[0] if rows else ())
    periods: dict[str, str] = {per: period_at(per, now, limits.zone).key for per in _PERS}
    of_one = periods | {"tenant": tenant}
    found = _found(db, (_ONE_COUNTS, _ONE_HELD, _ONE_STORED), of_one)
    return list(_uses(tenant, limits, now, found))


def use_of_all(db: Connection, plan: Plan, now: datetime) -> list[Use]:
    """Return how much of each quota each tenant has used that has any."""
    found = _found(db, (_COUNTS, _HELD, _STORED), {"now": micros(now)})
    known = hearing.in_force_for_all(db, plan)
    others = found.stored.keys() - known.keys() if plan.defaults else ()
    everybody = {**known, **{tenant: plan.of() for tenant in others}}
    return [
        use
        for tenant, limits in sorted(everybody.items())
        for use in _uses(tenant, limits, now, found)
    ]


def _found(db: Connection, asked: tuple[str, str, str], values: Mapping[str, Any]) -> _Found:
    counts, held, stored = (direct.tuples(db, question, values) for question in asked)
    return _Found(
        counts={(tenant, name, period): taken for tenant, name, period, taken in counts},
        held={(tenant, name): number for tenant, name, number in held},
        stored=dict(stored),
    )


def _uses(tenant: str, limits: InForce, now: datetime, found: _Found) -> Iterator[Use]:
    day = period_at("day", now, limits.zone)
    for name, limit in sorted(limits.limits.items()):
        counted = BY_NAME.get(name)
        period = period_at(counted.per, now, limits.zone) if counted else None
        used = found.used(tenant, name, period)
        yield Use(tenant=tenant, name=name, limit=limit, used=used, period=period, day=day)
