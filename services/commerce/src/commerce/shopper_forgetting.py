"""A shopper's own wish to be forgotten: no account and no person is needed for it."""

from sqlalchemy import select

from chassis.errors import Rejected
from chassis.ids import derived_id
from chassis.unit_of_work import UnitOfWork
from commerce import buyer_links, handlers
from commerce.fulfilment import FULFILMENT
from commerce.order import ORDER
from commerce.tables import person_orders

_UNPACKED = {"none", "requested", "accepted"}


class OrderUnderWay(Rejected):
    """An order is still being paid or packed, and its parcel needs the address; ask afterwards."""

    code = "order_under_way"


def forget_me(work: UnitOfWork, visitor: str) -> None:
    """Make everything personal of a visitor unreadable, and drop the rows about them.

    Raises:
        OrderUnderWay: an order of theirs is not paid or not sent yet.
    """
    buyer_links.alone(work, (visitor,))
    if _under_way(work, visitor):
        raise OrderUnderWay("Ask again once your order is sent, or its payment has come to an end.")
    request_id = derived_id(work.context.command_id, "forget me")
    handlers.forget_people(work, request_id=request_id, subjects=(visitor,))


def _under_way(work: UnitOfWork, visitor: str) -> bool:
    row = person_orders.c
    standing = select(row.order_id).where(
        row.tenant == work.tenant, row.person_id == visitor, row.counts
    )
    return any(_needs_address(work, found) for found in set(work.db.execute(standing).scalars()))


def _needs_address(work: UnitOfWork, order_id: str) -> bool:
    status = work.load(ORDER, order_id).state.status
    if status == "confirmed":
        return work.load(FULFILMENT, order_id).state.status in _UNPACKED
    return status == "placed"
