"""What a buyer is told about an order, and who may be told."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from chassis.forms import is_signed, signed_text
from chassis.money import Money
from chassis.routes import Call
from commerce import queries, shop_queries
from commerce.fulfilment import Fulfilment
from commerce.hosted_payment import PREFIX, page_address
from commerce.order import Order, OrderUnknown, placed
from commerce.order_events import OrderPlaced
from commerce.pages import Visit, shown_time
from commerce.payment import TIMED_OUT
from commerce.shop_settings import shop_settings
from commerce.tables import tenants

_PURPOSE = "order page"
STEPS = ("placed", "paid", "sent", "done")
_REASONS = {"out_of_stock": "out_of_stock", "payment_failed": "declined"}
_SENT = {"shipped": "sent", "delivered": "done"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LineShown:
    """A line of an order in words."""

    sku: str
    title: str
    qty: int
    cost: Money


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderShown:
    """An order in words.

    Args:
        state: ``placed``, ``paid``, ``sent``, ``done``, ``cancelled`` or ``expired``.
        reason: Why it came to nothing: the name of a text.
        pay_at: Where it can be paid, while it can.
        link: The page's address for who has no cookie.
        here: The same page as it was asked for, to look again.
    """

    order_id: UUID
    state: str
    reason: str | None
    lines: tuple[LineShown, ...]
    total: Money
    placed_at: str
    pay_at: str | None
    link: str
    here: str

    @property
    def waiting(self) -> bool:
        """Say whether something will change in a moment."""
        return self.state == "placed"

    def step(self, name: str) -> str:
        """Say whether a step is ``done``, ``now`` or still ``later``."""
        if self.state not in STEPS:
            return "later"
        here, there = STEPS.index(self.state), STEPS.index(name)
        return "now" if here == there else "done" if there < here else "later"


def order_shown(db: Connection, call: Call[None], visit: Visit) -> OrderShown:
    """Return an order for its buyer.

    Raises:
        OrderUnknown: there is none, or whoever asks is not its buyer and has no link to it.
    """
    order_id: UUID = call.path["order_id"]
    order, _ = queries.order_state(db, visit.tenant, order_id)
    made = placed(order)
    said = [visit.tenant, str(order_id)]
    linked = is_signed(visit.secret, _PURPOSE, said, call.query.proof or "")
    if made.person_id != visit.visitor and not linked:
        raise OrderUnknown("There is no such order.")
    state = _state(order, queries.fulfilment_state(db, visit.tenant, order_id))
    proof = signed_text(visit.secret, _PURPOSE, said)
    return OrderShown(
        order_id=order_id,
        state=state,
        reason=_reason(db, visit.tenant, order),
        lines=_lines(db, visit.tenant, made),
        total=made.total,
        placed_at=shown_time(made.placed_at, visit.lang, _zone(db, visit.tenant)),
        pay_at=_pay_at(db, call, visit) if state == "placed" else None,
        link=visit.url(f"/orders/{order_id}", proof=proof),
        here=visit.url(f"/orders/{order_id}", proof=call.query.proof),
    )


def payment_address(visit: Visit, order_id: UUID, token: str) -> str:
    """Return where an order is paid, from where the buyer comes back to its page."""
    return page_address(
        shop_settings().payment_page,
        secret=visit.secret,
        tenant=visit.tenant,
        token=token,
        return_to=visit.whole_url(f"/orders/{order_id}"),
        lang=visit.lang,
    )


def _pay_at(db: Connection, call: Call[None], visit: Visit) -> str | None:
    order_id: UUID = call.path["order_id"]
    token = shop_queries.payment_method(db, visit.tenant, order_id, call.keys) or ""
    return payment_address(visit, order_id, token) if token.startswith(PREFIX) else None


def _state(order: Order, goods: Fulfilment) -> str:
    if order.status in {"confirmed", "completed"}:
        return _SENT.get(goods.status, "paid")
    return order.status


def _reason(db: Connection, tenant: str, order: Order) -> str | None:
    made = placed(order)
    if order.status == "cancelled":
        return f"because_{_REASONS.get(order.reason or '', 'other')}"
    if order.status != "expired":
        return None
    failed = shop_queries.payment_failure(db, tenant, made.order_id)
    return "because_timed_out" if failed in {None, TIMED_OUT} else "because_declined"


def _lines(db: Connection, tenant: str, made: OrderPlaced) -> tuple[LineShown, ...]:
    known = shop_queries.titles(db, tenant, [line.sku for line in made.lines])
    return tuple(
        LineShown(
            sku=line.sku,
            title=known.get(line.sku, line.sku),
            qty=line.qty,
            cost=line.price * line.qty,
        )
        for line in made.lines
    )


def _zone(db: Connection, tenant: str) -> str:
    return db.execute(select(tenants.c.zone).where(tenants.c.tenant == tenant)).scalar() or "UTC"
