"""Whether all money is where it belongs: now, or at any position of the log.

The live answer sums the rows of the read model.  The answer of the past folds the log up to
there with the same folds, in memory, and sums the same way.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import reduce
from typing import Any

from sqlalchemy import Connection, and_, case, func, not_, select

from chassis.changes import Row, key_of
from chassis.errors import Rejected
from chassis.log import Log
from chassis.storage import log_on
from commerce.events import registry
from commerce.projections import balance
from commerce.queries import NoKeys
from commerce.reports_messages import MoneyView, MoneyWanted
from commerce.tables import money, tenants

PAGE = 2_000
Sums = Mapping[str, Mapping[str, int]]
COUNTED = ("paid_orders", "captured", "refunded", "refunding", "unconfirmed", "to_refund")


class PositionUnknown(Rejected):
    """The log is not that long yet."""

    code = "position_unknown"
    status = 422


class HistoryElsewhere(Rejected):
    """The log's beginning is not in the database any more."""

    code = "history_elsewhere"


class TwoMoments(Rejected):
    """A report is as of one moment."""

    code = "two_moments"
    status = 422


def report(db: Connection, tenant: str, wanted: MoneyWanted) -> list[MoneyView]:
    """Return, by currency, whether what was paid is what the standing orders come to.

    Raises:
        TwoMoments: a position and a moment are named.
        PositionUnknown: the log has not got so far.
        HistoryElsewhere: the log's beginning was moved out of the database.
    """
    if wanted.position is not None and wanted.at is not None:
        raise TwoMoments("Name a position or a moment, not both.")
    if wanted.position is None and wanted.at is None:
        return _views(_sums_now(db, tenant), _own(db, tenant))
    log = log_on(db)
    rows = fold_until(log, tenant, _position(log, wanted.position, wanted.at))
    return _views(sums(rows.values()), _own(db, tenant))


def fold_until(log: Log, tenant: str, position: int) -> Mapping[Any, Row]:
    """Return a company's accounts of orders as they were at a position of the log."""
    rows: dict[Any, Row] = {}
    for stored in _until(log, position):
        kind = stored.tenant == tenant and stored.type in _NAMES
        facts = [(registry.decode(stored, NoKeys()), stored)] if kind else []
        for change in balance.changes(facts):
            key = tuple(key_of(money, change.where).items())
            after = change.fold(rows.get(key))
            if after is not None:
                rows[key] = after
    return rows


def sums(rows: Iterable[Row]) -> Sums:
    """Sum accounts of orders by currency."""
    summed: dict[str, dict[str, int]] = {}
    for row in rows:
        known = summed.get(row["currency"], dict.fromkeys(COUNTED, 0))
        summed[row["currency"]] = {name: known[name] + by for name, by in counted(row).items()}
    return summed


def counted(row: Row) -> dict[str, int]:
    """Say where one order's money is.

    A standing order should have been paid exactly, what came back less is to be refunded; a
    cancelled one should keep nothing; of any other it isn't decided yet whose it is.
    """
    kept = row["captured"] - row["refunded"] - row["refunding"]
    asked = row["refunded"] + row["refunding"]
    owed = row["total"] - row["returned"] if row["stands"] else 0
    undecided = not row["stands"] and not row["called_off"]
    surplus = row["returned"] - asked if row["stands"] else kept
    return {
        "paid_orders": owed,
        "captured": row["captured"],
        "refunded": row["refunded"],
        "refunding": row["refunding"],
        "unconfirmed": max(kept, 0) if undecided else 0,
        "to_refund": 0 if undecided else max(surplus, 0),
    }


def _sums_now(db: Connection, tenant: str) -> Sums:
    """Let the database sum what ``counted`` says of one order."""
    row = money.c
    asked = row.refunded + row.refunding
    kept = row.captured - asked
    undecided = and_(row.stands.is_(False), row.called_off.is_(False))
    surplus = case((row.stands, row.returned - asked), else_=kept)
    counts = {
        "paid_orders": case((row.stands, row.total - row.returned), else_=0),
        "captured": row.captured,
        "refunded": row.refunded,
        "refunding": row.refunding,
        "unconfirmed": case((and_(undecided, kept > 0), kept), else_=0),
        "to_refund": case((and_(not_(undecided), surplus > 0), surplus), else_=0),
    }
    columns = [func.sum(count).label(name) for name, count in counts.items()]
    found = db.execute(
        select(row.currency, *columns).where(row.tenant == tenant).group_by(row.currency)
    )
    # PostgreSQL sums 64-bit integers as decimals.
    return {
        line["currency"]: {name: int(line[name]) for name in COUNTED} for line in found.mappings()
    }


def _own(db: Connection, tenant: str) -> str | None:
    """Return a company's own currency, which is reported also while there is no money."""
    return db.execute(select(tenants.c.currency).where(tenants.c.tenant == tenant)).scalar()


def _views(summed: Sums, own: str | None) -> list[MoneyView]:
    shown = {**({own: dict.fromkeys(COUNTED, 0)} if own else {}), **summed}
    return [_view(name, shown[name]) for name in sorted(shown)]


def _view(name: str, counts: Mapping[str, int]) -> MoneyView:
    elsewhere = ("paid_orders", "refunded", "refunding", "unconfirmed", "to_refund")
    difference = reduce(lambda left, part: left - counts[part], elsewhere, counts["captured"])
    return MoneyView(currency=name, **counts, difference=difference)


def _position(log: Log, position: int | None, at: datetime | None) -> int:
    if position is None:
        return log.as_of(at) if at else log.head()
    if position > log.head():
        raise PositionUnknown(f"The log ends at {log.head()}.")
    return position


def _until(log: Log, position: int) -> Iterator[Any]:
    reached = 0
    while reached < position and (page := log.after(reached, limit=PAGE)):
        if page[0].position != reached + 1:  # a sum without its beginning would be wrong
            raise HistoryElsewhere("Old events were moved to segments; ask as of now.")
        reached = page[-1].position
        yield from (stored for stored in page if stored.position <= position)


_NAMES = frozenset(kind.name for kind in registry if balance.handles(kind.cls))
