"""Ad: who came through which channel, at what cost, with which orders."""

import ibis
from ibis.expr.types import Table

from loop.fact_tables import Credit, CreditReversed, OrderConfirmed, Session, Spend, Touch
from loop.numbers import Number, by_key, ratio_by_key, shares
from loop.reading import BILLION
from loop.relations import known, made_of, together


def _touches() -> Table:
    touch = known(Touch)
    return made_of(touch, key=touch.channel)


def _sessions() -> Table:
    session = known(Session)
    return made_of(session, key=session.source)


def _spend() -> Table:
    spend = known(Spend)
    return made_of(spend, key=spend.currency, amount=spend.amount, civil=True)


def _cost_per_order() -> Table:
    spend, order = known(Spend), known(OrderConfirmed)
    return together(
        made_of(spend, key=spend.currency, part="of", amount=spend.amount, civil=True),
        made_of(order, key=order.currency, part="all"),
    )


def _credits() -> Table:
    credit = known(Credit)
    back = known(CreditReversed).select(
        "service", "position", "at", back_tenant="tenant", back_order="order_id", part="fraction"
    )
    of_each = credit.select("tenant", "order_id", "channel", "weight")
    taken = back.join(
        of_each, [back.back_tenant == of_each.tenant, back.back_order == of_each.order_id]
    )
    share = (taken.weight * taken.part) // ibis.literal(BILLION, "int64")
    return together(
        made_of(credit, key=credit.channel, amount=credit.weight),
        made_of(taken, key=taken.channel, amount=-share),
    )


AD = (
    Number(
        name="touches_by_channel",
        stage="ad",
        title="Touches by channel",
        unit="touches",
        formula="number of touches by channel",
        rows=_touches,
        shape=by_key,
    ),
    Number(
        name="sessions_by_source",
        stage="ad",
        title="Visits by source",
        unit="sessions",
        formula="number of sessions by source; direct where none is known",
        rows=_sessions,
        shape=by_key,
    ),
    Number(
        name="spend",
        stage="ad",
        title="Spend",
        unit="minor units by currency",
        formula="sum of the cost of advertisements by their day, by currency",
        rows=_spend,
        shape=by_key,
        money=True,
    ),
    Number(
        name="cost_per_order",
        stage="ad",
        title="Cost per order",
        unit="minor units per confirmed order, by currency",
        formula="spend / orders confirmed in the same currency",
        rows=_cost_per_order,
        shape=ratio_by_key,
        money=True,
    ),
    Number(
        name="attributed_orders",
        stage="ad",
        title="Orders credited to channels",
        unit="orders",
        formula="sum of the credits of each channel, less what was reversed;"
        " association, not cause",
        rows=_credits,
        shape=shares,
    ),
)
