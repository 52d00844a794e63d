"""Commerce: what was sold, where buyers came from, what went wrong on the way."""

from ibis.expr.types import Table

from loop.fact_tables import (
    Fulfilment,
    OrderConfirmed,
    OrderEnded,
    OrderLine,
    OrderPlaced,
    Payment,
    Session,
    SessionStep,
)
from loop.numbers import Number, by_key, ratio, ratio_by_key, top
from loop.relations import known, made_of, together

SOCIAL = (
    "weibo", "wechat", "qq", "qzone", "tencent_weibo", "facebook", "instagram", "twitter",
    "pinterest", "line", "kakaotalk", "whatsapp", "yixin", "social", "social_media",
)  # fmt: skip


def _gmv() -> Table:
    order = known(OrderConfirmed)
    return made_of(order, key=order.currency, amount=order.amount)


def _orders() -> Table:
    ended = known(OrderEnded)
    return together(
        made_of(known(OrderPlaced), key="placed"),
        made_of(known(OrderConfirmed), key="confirmed"),
        made_of(ended, key=ended.how),
    )


def _conversion() -> Table:
    order, session = known(OrderConfirmed), known(Session)
    return together(
        made_of(order, key=order.platform, part="of"),
        made_of(session, key=session.source, part="all"),
    )


def _payment_failures() -> Table:
    payment = known(Payment)
    return together(
        made_of(payment.filter(payment.what == "failed"), part="of"),
        made_of(payment.filter(payment.what == "initiated"), part="all"),
    )


def _social_share() -> Table:
    order = known(OrderPlaced)
    return together(
        made_of(order.filter(order.platform.isin(SOCIAL)), part="of"),
        made_of(order, part="all"),
    )


def _visit_steps() -> Table:
    step = known(SessionStep)
    return made_of(step, key=step.step)


def _goods() -> Table:
    moved = known(Fulfilment)
    return made_of(moved, key=moved.what)


def _sold() -> Table:
    line, confirmed = known(OrderLine), known(OrderConfirmed)
    paid = confirmed.select(paid_tenant="tenant", paid_order="order_id", paid_at="at")
    sold = line.join(paid, [line.tenant == paid.paid_tenant, line.order_id == paid.paid_order])
    return made_of(sold, key=sold.sku, amount=sold.quantity, at=sold.paid_at)


COMMERCE = (
    Number(
        name="gmv",
        stage="commerce",
        title="Gross merchandise value",
        unit="minor units by currency",
        formula="sum of the totals of confirmed orders, by currency",
        rows=_gmv,
        shape=by_key,
        money=True,
    ),
    Number(
        name="orders",
        stage="commerce",
        title="Orders",
        unit="orders",
        formula="orders placed, confirmed, cancelled, expired, completed",
        rows=_orders,
        shape=by_key,
    ),
    Number(
        name="conversion",
        stage="commerce",
        title="Conversion by origin",
        unit="confirmed orders per session",
        formula="orders confirmed by origin / sessions by the same source",
        rows=_conversion,
        shape=ratio_by_key,
    ),
    Number(
        name="payment_failure_rate",
        stage="commerce",
        title="Failed payments",
        unit="share of the payments begun",
        formula="payments failed / payments initiated",
        rows=_payment_failures,
        shape=ratio,
    ),
    Number(
        name="social_order_share",
        stage="commerce",
        title="Orders from social platforms",
        unit="share of the orders placed",
        formula="orders placed with a social platform as origin / orders placed",
        rows=_social_share,
        shape=ratio,
    ),
    Number(
        name="visit_steps",
        stage="commerce",
        title="Visits by step",
        unit="sessions",
        formula="number of sessions that came to a step",
        rows=_visit_steps,
        shape=by_key,
    ),
    Number(
        name="goods_on_their_way",
        stage="commerce",
        title="Fulfilment",
        unit="events",
        formula="fulfilments requested, accepted, shipped, delivered, failed; returns",
        rows=_goods,
        shape=by_key,
    ),
)

BESTSELLERS = Number(
    name="top_products",
    stage="feedback",
    title="Watch next: products sold most",
    unit="pieces in confirmed orders",
    formula="quantity by product in the orders confirmed, the five largest",
    rows=_sold,
    shape=top(5),
)
