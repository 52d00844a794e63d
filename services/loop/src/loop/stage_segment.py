"""Segment: who is known, who follows, who buys."""

import ibis
from ibis.expr.types import Table

from loop.fact_tables import Follow, Membership, Merge, OrderConfirmed, Person, Phone, Split
from loop.numbers import Number, by_key, count, ratio
from loop.relations import first_by, known, made_of, together

# A person has at most 30 accounts, so no chain of merges is longer than 2 ** 5.
_DOUBLINGS = 5


def _persons() -> Table:
    return together(
        made_of(known(Person)),
        made_of(known(Merge), amount=-1),
        made_of(_undone(), amount=1),
    )


def _undone() -> Table:
    return known(Split).semi_join(known(Merge), ["tenant", "link_id"])


def _followers() -> Table:
    follow = known(Follow)
    return made_of(follow, key=follow.platform)


def _funnel() -> Table:
    phones = first_by(known(Phone), "person_id")
    return together(
        made_of(known(Follow), key="1 follows"),
        made_of(known(Person), key="2 known person"),
        made_of(phones, key="3 phone verified"),
        made_of(known(Membership), key="4 member"),
    )


def _fan_to_member() -> Table:
    return together(
        made_of(known(Follow), part="all"),
        made_of(known(Membership), part="of"),
    )


def _survivors() -> Table:
    """Return who each absorbed person is today, whatever the length of the chain."""
    standing = known(Merge).anti_join(known(Split), ["tenant", "link_id"])
    steps = standing.select("tenant", "absorbed", "survivor").distinct()
    for _ in range(_DOUBLINGS):
        onward = steps.select(onward_tenant="tenant", between="absorbed", end="survivor")
        joined = steps.left_join(
            onward, [steps.tenant == onward.onward_tenant, steps.survivor == onward.between]
        )
        steps = joined.select(
            "tenant", "absorbed", survivor=ibis.coalesce(joined.end, joined.survivor)
        )
    return steps


def _as_known_now(rows: Table) -> Table:
    """Replace every absorbed person by the one who survived them."""
    now = _survivors().select(now_tenant="tenant", before="absorbed", after="survivor")
    joined = rows.left_join(now, [rows.tenant == now.now_tenant, rows.person_id == now.before])
    return joined.select(
        "tenant",
        "service",
        "position",
        "n",
        "at",
        person_id=ibis.coalesce(joined.after, joined.person_id),
    )


def _customers() -> Table:
    came = first_by(_as_known_now(known(Person)), "person_id")
    bought = first_by(_as_known_now(known(OrderConfirmed)), "person_id")
    since = came.select(came_tenant="tenant", who="person_id", came_at="at")
    both = bought.join(since, [bought.tenant == since.came_tenant, bought.person_id == since.who])
    turned = ibis.greatest(both.at, both.came_at)
    return together(
        made_of(bought, key="existing"),
        made_of(came, key="prospect"),
        made_of(both, key="prospect", amount=-1, at=turned),
    )


SEGMENT = (
    Number(
        name="known_persons",
        stage="segment",
        title="New known persons",
        unit="persons",
        formula="persons registered - persons merged into another + merges undone",
        rows=_persons,
        shape=count,
    ),
    Number(
        name="followers",
        stage="segment",
        title="New followers by platform",
        unit="follows",
        formula="accounts that began to follow, by platform",
        rows=_followers,
        shape=by_key,
    ),
    Number(
        name="fan_funnel",
        stage="segment",
        title="From fan to member",
        unit="follows, persons, persons, members",
        formula="follows; persons registered; persons with a first verified phone; enrolments",
        rows=_funnel,
        shape=by_key,
    ),
    Number(
        name="fan_to_member_rate",
        stage="segment",
        title="Fan to member",
        unit="members per follow",
        formula="enrolments / follows",
        rows=_fan_to_member,
        shape=ratio,
    ),
    Number(
        name="customer_kinds",
        stage="segment",
        title="Existing customers and prospects",
        unit="persons, at the end of the cycle",
        formula="existing: persons with a confirmed order; prospect: registered persons without;"
        " merged persons count once",
        rows=_customers,
        shape=by_key,
        stock=True,
    ),
)
