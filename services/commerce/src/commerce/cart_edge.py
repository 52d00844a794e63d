"""The part of commerce's door that is about carts, and about what their buyers asked."""

from sqlalchemy import Connection

from chassis.clock import SystemClock
from chassis.entrypoints import command, query
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.subscribe import subscribe
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import abandonment, carting, enquiries, queries
from commerce.cart import CART, Cart
from commerce.cart_messages import (
    AbandonmentView,
    AbandonmentWanted,
    CartRequest,
    CartView,
    CartWanted,
    LeftCartPage,
    LeftCartsWanted,
    LineSetting,
)

READ, WRITE = "commerce.read", "commerce.write"
_wall = SystemClock()


class CartsEdge:
    """Carts: opened, filled, shown, and reported where they were left."""

    @command("/v1/carts", scope=WRITE, body=CartRequest, reply=CartView)
    def open_cart(self, work: UnitOfWork, call: Call[CartRequest]) -> Reply:
        """Begin to put goods together."""
        done = carting.open_cart(work, call.body)
        return _shown(work, done)

    @command("/v1/carts/<uuid:cart_id>/lines", scope=WRITE, body=LineSetting, reply=CartView)
    def set_line(self, work: UnitOfWork, call: Call[LineSetting]) -> Reply:
        """Have so many pieces of a product in a cart; 0 takes it out."""
        done = carting.set_line(work, call.path["cart_id"], call.body)
        return _shown(work, done)

    @query("/v1/carts/<uuid:cart_id>", scope=READ, query=CartWanted, reply=CartView)
    def show_cart(self, db: Connection, call: Call[None]) -> Reply:
        """Show a cart at today's prices, and what of it cannot be bought now."""
        wanted: CartWanted = call.query
        cart, version = queries.state_of(db, call.tenant, CART, call.path["cart_id"])
        shown = carting.view(db, call.tenant, cart, wanted, now=_wall.now())
        return Reply(body=shown, version=version)

    @query("/v1/reports/abandonment", scope=READ, query=AbandonmentWanted, reply=AbandonmentView)
    def report_abandonment(self, db: Connection, call: Call[None]) -> Reply:
        """Report the carts left behind, and those lost for lack of service."""
        return Reply(body=abandonment.report(db, call.tenant, call.query))

    @query("/v1/reports/abandonment/carts", scope=READ, query=LeftCartsWanted, reply=LeftCartPage)
    def list_left_carts(self, db: Connection, call: Call[None]) -> Reply:
        """List the carts left behind, each with its unanswered case."""
        wanted: LeftCartsWanted = call.query
        after = call.cursors.read(wanted.cursor) or ""
        found = abandonment.left_carts(db, call.tenant, wanted, after)
        full = len(found) == wanted.limit
        cursor = call.cursors.write(str(found[-1].cart_id)) if full else None
        return Reply(body=LeftCartPage(carts=tuple(found), next=cursor))

    @subscribe("listening", "case_opened")
    def on_case_opened(self, work: UnitOfWork, received: Received) -> None:
        """Note that somebody asked something."""
        enquiries.keep(work, received.data)

    @subscribe("listening", "case_reopened")
    def on_case_reopened(self, work: UnitOfWork, received: Received) -> None:
        """Note that somebody asked again."""
        enquiries.keep(work, received.data)

    @subscribe("listening", "reply_sent")
    def on_reply_sent(self, work: UnitOfWork, received: Received) -> None:
        """Note that somebody was answered."""
        enquiries.answer(work, received.data)

    @subscribe("listening", "case_resolved")
    def on_case_resolved(self, work: UnitOfWork, received: Received) -> None:
        """Note that nothing is owed to an enquiry any more."""
        enquiries.close(work, received.data)


def _shown(work: UnitOfWork, done: Executed[Cart]) -> Reply:
    shown = carting.view(work.db, work.tenant, done.state, CartWanted(), now=work.now)
    return Reply(body=shown, version=done.version)
