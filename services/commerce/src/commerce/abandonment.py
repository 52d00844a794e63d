"""Which carts were left behind, and which of them for want of an answer.

A cart's last step is when it was ordered or left, or else when it was touched last.  An enquiry
explains it when the buyer had made it within some minutes before that step and had no answer by
then.  The times count, not when commerce heard of them: late news corrects the report.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Connection,
    Row,
    Select,
    and_,
    case,
    func,
    or_,
    select,
)

from chassis.clock import micros, moment, moment_or_none
from commerce import persons
from commerce.cart_messages import (
    AbandonmentView,
    AbandonmentWanted,
    FunnelView,
    LeftCartsWanted,
    LeftCartView,
    ProductLossView,
)
from commerce.cart_tables import cart_buyers, cart_lines, carts, enquiries
from commerce.tables import board, person_links

MICROS_A_MINUTE = 60_000_000
MOST_PRODUCTS = 200
PAID = ("confirmed", "completed")


def report(db: Connection, tenant: str, wanted: AbandonmentWanted) -> AbandonmentView:
    """Return how many carts got how far, with an unanswered enquiry and without."""
    steps = _steps(tenant, wanted)
    counts = select(
        steps.c.asked_at.is_not(None).label("asked"),
        func.count().label("opened"),
        func.sum(case((steps.c.status == "checked_out", 1), else_=0)).label("checked_out"),
        func.sum(steps.c.paid).label("paid"),
        func.sum(case((steps.c.status == "abandoned", 1), else_=0)).label("abandoned"),
        func.sum(case((steps.c.came_back > 0, 1), else_=0)).label("came_back"),
    ).group_by(steps.c.asked_at.is_not(None))
    found = {bool(row.asked): row for row in db.execute(counts)}
    asked, others = _funnel(found.get(True)), _funnel(found.get(False))
    return AbandonmentView(
        minutes=wanted.minutes,
        abandoned=asked.abandoned + others.abandoned,
        lost_for_lack_of_service=asked.abandoned,
        came_back=sum(int(row.came_back) for row in found.values()),
        unanswered=asked,
        others=others,
        products=tuple(_products(db, tenant, steps)),
    )


def left_carts(
    db: Connection, tenant: str, wanted: LeftCartsWanted, after: str
) -> list[LeftCartView]:
    """Return the next abandoned carts in the order of their ids, with their unanswered cases."""
    steps = _steps(tenant, wanted)
    page = (
        select(steps)
        .where(steps.c.status == "abandoned", steps.c.cart_id > after)
        .order_by(steps.c.cart_id)
        .limit(wanted.limit)
    )
    if wanted.lost:
        page = page.where(steps.c.asked_at.is_not(None))
    if wanted.sku is not None:
        page = page.where(steps.c.cart_id.in_(_with(tenant, wanted.sku)))
    return [_left(db, tenant, found) for found in db.execute(page).all()]


def _steps(tenant: str, wanted: AbandonmentWanted) -> CTE:
    """Return every cart with its last step, whether it was paid, and the enquiry's moment."""
    ended = _ended(tenant, wanted)
    asked = _asked(tenant)
    within = ended.c.ended_at - wanted.minutes * MICROS_A_MINUTE
    explains = and_(
        asked.c.person == ended.c.person,
        asked.c.opened_at >= within,
        asked.c.opened_at <= ended.c.ended_at,
        or_(asked.c.answered_at.is_(None), asked.c.answered_at > ended.c.ended_at),
        or_(asked.c.closed_at.is_(None), asked.c.closed_at > ended.c.ended_at),
    )
    # Of a buyer who is forgotten nothing is left but what was known when the cart was left.
    kept = case((and_(ended.c.person.is_(None), ended.c.enquiry_at >= within), ended.c.enquiry_at))
    columns = [ended.c[name] for name in ("cart_id", "status", "came_back", "paid")]
    also = [ended.c[name] for name in ("person", "abandoned_at", "enquiry_case", "enquiry_at")]
    return (
        select(
            *columns,
            *also,
            func.coalesce(func.max(asked.c.opened_at), kept).label("asked_at"),
        )
        .select_from(ended.outerjoin(asked, explains))
        .group_by(*columns, *also, ended.c.ended_at)
        .cte("steps")
        # Else SQLite would look through all enquiries again for each cart of a page.
        .prefix_with("MATERIALIZED")
    )


def _ended(tenant: str, wanted: AbandonmentWanted) -> CTE:
    row, owner, link, order = carts.c, cart_buyers.c, person_links.c, board.c
    owned = carts.outerjoin(
        cart_buyers, and_(owner.tenant == row.tenant, owner.cart_id == row.cart_id)
    )
    known = owned.outerjoin(
        person_links, and_(link.tenant == row.tenant, link.member == owner.buyer)
    )
    ordered = known.outerjoin(
        board, and_(order.tenant == row.tenant, order.order_id == row.order_id)
    )
    period = [row.opened_at >= micros(wanted.since)] if wanted.since else []
    period += [row.opened_at < micros(wanted.until)] if wanted.until else []
    return (
        select(
            row.cart_id,
            row.status,
            row.came_back,
            row.abandoned_at,
            row.enquiry_case,
            row.enquiry_at,
            func.coalesce(row.abandoned_at, row.touched_at).label("ended_at"),
            func.coalesce(link.person, owner.buyer).label("person"),
            case((order.status.in_(PAID), 1), else_=0).label("paid"),
        )
        .select_from(ordered)
        .where(row.tenant == tenant, *period)
        .cte("ended")
    )


def _asked(tenant: str) -> CTE:
    row, link = enquiries.c, person_links.c
    known = enquiries.outerjoin(
        person_links, and_(link.tenant == row.tenant, link.member == row.author)
    )
    return (
        select(
            func.coalesce(link.person, row.author).label("person"),
            row.case_id,
            row.opened_at,
            row.answered_at,
            row.closed_at,
        )
        .select_from(known)
        .where(row.tenant == tenant)
        .cte("asked")
    )


def _products(db: Connection, tenant: str, steps: CTE) -> list[ProductLossView]:
    row = cart_lines.c
    lost = func.sum(case((steps.c.asked_at.is_not(None), 1), else_=0))
    found = db.execute(
        select(
            row.sku, func.count().label("carts"), lost.label("lost"), func.sum(row.qty).label("qty")
        )
        .join(steps, steps.c.cart_id == row.cart_id)
        .where(row.tenant == tenant, steps.c.status == "abandoned")
        .group_by(row.sku)
        .order_by(lost.desc(), func.count().desc(), row.sku)
        .limit(MOST_PRODUCTS)
    )
    return [
        ProductLossView(
            sku=each.sku,
            abandoned=int(each.carts),
            lost_for_lack_of_service=int(each.lost),
            pieces=int(each.qty),
        )
        for each in found
    ]


def _with(tenant: str, sku: str) -> Select[Any]:
    row = cart_lines.c
    return select(row.cart_id).where(row.tenant == tenant, row.sku == sku)


def _left(db: Connection, tenant: str, found: Row[Any]) -> LeftCartView:
    case_id = found.enquiry_case if found.person is None else _case(db, tenant, found)
    asked = found.asked_at is not None
    return LeftCartView(
        cart_id=UUID(found.cart_id),
        abandoned_at=moment(found.abandoned_at),
        case_id=UUID(case_id) if asked else None,
        asked_at=moment_or_none(found.asked_at),
    )


def _case(db: Connection, tenant: str, found: Row[Any]) -> str | None:
    row = enquiries.c
    mine = select(row.case_id).where(
        row.tenant == tenant,
        row.author.in_(persons.kin_of(db, tenant, [found.person])[found.person]),
        row.opened_at == found.asked_at,
    )
    return db.execute(mine.order_by(row.case_id).limit(1)).scalar()


def _funnel(found: Row[Any] | None) -> FunnelView:
    # PostgreSQL sums 64-bit integers as decimals.
    names: Sequence[str] = ("opened", "checked_out", "paid", "abandoned")
    return FunnelView(**{name: int(getattr(found, name)) if found else 0 for name in names})
