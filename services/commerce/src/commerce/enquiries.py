"""What buyers asked, and when they were answered: as much of listening's cases as carts need."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from chassis.clock import micros, moment
from chassis.insertion import insert_once
from chassis.privacy import is_erased
from chassis.unit_of_work import UnitOfWork
from commerce import persons
from commerce.cart_events import LastEnquiry
from commerce.cart_tables import enquiries
from commerce.cart_upstream import CaseOpened, CaseReopened, CaseResolved, ReplySent

# Praise and remarks are owed a reply too, but nobody waits with a purchase for it.
QUESTIONS = frozenset({"consultation", "purchase", "complaint"})


def keep(work: UnitOfWork, opened: CaseOpened | CaseReopened) -> None:
    """Note that somebody asked something."""
    author = str(opened.author_account)
    if opened.type not in QUESTIONS or is_erased(work.keys, work.tenant, author):
        return
    row = {
        "tenant": work.tenant,
        "case_id": str(opened.case_id),
        "turn": opened.turn,
        "author": author,
        "product_refs": json.dumps(opened.product_refs),
        "opened_at": micros(opened.clock_started_at),
    }
    insert_once(work.db, enquiries, row)


def answer(work: UnitOfWork, sent: ReplySent) -> None:
    """Note that an enquiry was answered; the first answer counts."""
    row = enquiries.c
    mine = _turn(work.tenant, sent.case_id, sent.turn)
    work.db.execute(
        update(enquiries)
        .where(*mine, or_(row.answered_at.is_(None), row.answered_at > micros(sent.at)))
        .values(answered_at=micros(sent.at))
    )


def close(work: UnitOfWork, resolved: CaseResolved) -> None:
    """Note that nothing is owed to an enquiry any more, whether it was answered or not."""
    mine = _turn(work.tenant, resolved.case_id, resolved.turn)
    work.db.execute(update(enquiries).where(*mine).values(closed_at=micros(resolved.at)))


def unanswered(db: Connection, tenant: str, buyer: str, at: datetime) -> LastEnquiry | None:
    """Return what a buyer had asked last without an answer by a moment."""
    row = enquiries.c
    asked = (
        select(row.case_id, row.opened_at)
        .where(
            row.tenant == tenant,
            row.author.in_(persons.kin_of(db, tenant, [buyer])[buyer]),
            row.opened_at <= micros(at),
            or_(row.answered_at.is_(None), row.answered_at > micros(at)),
            or_(row.closed_at.is_(None), row.closed_at > micros(at)),
        )
        .order_by(row.opened_at.desc(), row.case_id)
        .limit(1)
    )
    found = db.execute(asked).one_or_none()
    if found is None:
        return None
    return LastEnquiry(case_id=UUID(found.case_id), at=moment(found.opened_at))


def forget(db: Connection, tenant: str, subjects: Sequence[str]) -> None:
    """Delete what some people asked."""
    row = enquiries.c
    db.execute(delete(enquiries).where(row.tenant == tenant, row.author.in_(subjects)))


def _turn(tenant: str, case_id: UUID, turn: int) -> tuple[ColumnElement[bool], ...]:
    row = enquiries.c
    return (row.tenant == tenant, row.case_id == str(case_id), row.turn == turn)
