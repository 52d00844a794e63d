"""What operators of commerce count now and then: what was promised beyond what is there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from chassis.telemetry import metrics
from chassis.telemetry.metrics import Metric, declare
from commerce.drop_tables import drops
from commerce.tables import available

DROP_OVERSOLD = declare(
    Metric(
        name="sixfold.commerce.drop.oversold",
        kind="gauge",
        unit="{piece}",
        description="Pieces of drops that were promised beyond their stock; never more than 0",
        labels=frozenset({"tenant"}),
        business=True,
    )
)
DROP_PIECES = declare(
    Metric(
        name="sixfold.commerce.drop.pieces",
        kind="gauge",
        unit="{piece}",
        description="Pieces in drops that are open: all, granted, ordered, sold",
        labels=frozenset({"tenant", "state"}),
        business=True,
    )
)
STOCK_OVERSOLD = declare(
    Metric(
        name="sixfold.commerce.stock.oversold",
        kind="gauge",
        unit="{sku}",
        description="Goods of which more is promised than was counted",
        labels=frozenset({"tenant"}),
        business=True,
    )
)
_OPEN = "open"
_STATES = ("stock", "granted", "ordered", "sold")


def count_oversold(db: Connection, now: datetime) -> None:
    """Record for each tenant what its drops have promised, and where its goods do not suffice."""
    del now
    row = drops.c
    beyond = row.granted + row.ordered + row.sold - row.stock
    _record(db, DROP_OVERSOLD, func.sum(case((beyond > 0, beyond), else_=0)), row.tenant)
    for state in _STATES:
        pieces = func.sum(case((row.state == _OPEN, row[state]), else_=0))
        _record(db, DROP_PIECES, pieces, row.tenant, state=state)
    goods = available.c
    short = goods.on_hand < goods.reserved + goods.confirmed
    _record(db, STOCK_OVERSOLD, func.sum(case((short, 1), else_=0)), goods.tenant)


def _record(db: Connection, metric: Metric, value: Any, tenant: Any, **labels: str) -> None:
    for name, total in db.execute(select(tenant, value).group_by(tenant)):
        metrics.record(metric, int(total), tenant=name, **labels)
