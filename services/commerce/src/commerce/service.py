"""Commerce's doors: HTTP, the payment provider's callbacks, other services' events."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import Connection

from chassis.callbacks import SignedCallback, body_key
from chassis.clock import SystemClock, micros
from chassis.entrypoints import command, query
from chassis.quotas import hearing
from chassis.reactions import Received
from chassis.routes import Call, Reply
from chassis.service_edge import ServiceEdge
from chassis.subscribe import subscribe
from chassis.unit_of_work import Executed, UnitOfWork
from commerce import departures, handlers, ordering, persons, queries, settings, views
from commerce.buyers_edge import BuyersEdge
from commerce.cart_edge import CartsEdge
from commerce.cart_pages_edge import CartPagesEdge
from commerce.drop_edge import DropEdge
from commerce.fulfilment import Fulfilment
from commerce.fulfilment_edge import FulfilmentEdge
from commerce.messages import (
    CancelRequest,
    FailRequest,
    FulfilmentView,
    Moment,
    OrderPage,
    OrderRequest,
    OrdersWanted,
    OrderView,
    OrphansWanted,
    OrphanView,
    ProductPage,
    ProductRequest,
    ProductView,
    ProviderCallback,
    ReturnRequest,
    ShipRequest,
    Wanted,
)
from commerce.pages_edge import PagesEdge
from commerce.phones_edge import PhonesEdge
from commerce.presentation import PRESENTATION
from commerce.promotion_edge import PromotionsEdge
from commerce.reports_edge import ReportsEdge
from commerce.shop_edge import ShopEdge
from commerce.stock_edge import StockEdge
from commerce.stores_edge import StoresEdge
from commerce.trade_edge import TradeEdge

READ, WRITE = "commerce.read", "commerce.write"
FULFILMENT = "/v1/orders/<uuid:order_id>/fulfilment"
USUAL_PATIENCE = timedelta(hours=1)
_wall = SystemClock()
# Signatures and the age of orphans are about real time, whatever time the business runs in.
_signed = SignedCallback(secrets_of=settings.callback_secrets, clock=_wall)


class CommerceService(
    PagesEdge,
    CartPagesEdge,
    BuyersEdge,
    ShopEdge,
    CartsEdge,
    DropEdge,
    PhonesEdge,
    PromotionsEdge,
    TradeEdge,
    StockEdge,
    StoresEdge,
    FulfilmentEdge,
    ReportsEdge,
    ServiceEdge,
):
    """Translate requests into use cases.  No rules live here."""

    name = "commerce"

    @command("/v1/products", scope=WRITE, body=ProductRequest, reply=ProductView)
    def offer_product(self, work: UnitOfWork, call: Call[ProductRequest]) -> Reply:
        """Put a product into the catalogue, or give it a new price."""
        done = handlers.offer_product(work, call.body)
        shown = work.load(PRESENTATION, call.body.sku).state
        body = views.product(call.body.sku, done.state, shown, work.now)
        return Reply(body=body, version=done.version)

    @query("/v1/products", scope=READ, query=Wanted, reply=ProductPage)
    def list_products(self, db: Connection, call: Call[None]) -> Reply:
        """List the products with the prices that hold now, and those to come."""
        wanted: Wanted = call.query
        after = call.cursors.read(wanted.cursor) or ""
        found = queries.products_after(db, call.tenant, after, wanted.limit, call.clock.now())
        full = len(found) == wanted.limit
        return Reply(
            body=ProductPage(
                products=tuple(found), next=call.cursors.write(found[-1].sku) if full else None
            )
        )

    @command("/v1/orders", scope=WRITE, body=OrderRequest, reply=OrderView)
    def place_order(self, work: UnitOfWork, call: Call[OrderRequest]) -> Reply:
        """Order goods at today's prices."""
        _, made = ordering.place_order(work, call.body, settings.terms())
        return Reply(body=views.order(made.state), version=made.version)

    @query("/v1/orders", scope=READ, query=OrdersWanted, reply=OrderPage)
    def list_orders(self, db: Connection, call: Call[None]) -> Reply:
        """List the orders, the oldest first."""
        wanted: OrdersWanted = call.query
        place = call.cursors.read(wanted.cursor) or [-1, ""]
        found = queries.orders_after(
            db, call.tenant, place, status=wanted.status, limit=wanted.limit
        )
        cursor = None
        if len(found) == wanted.limit:
            cursor = call.cursors.write([micros(found[-1].placed_at), str(found[-1].order_id)])
        return Reply(body=OrderPage(orders=tuple(found), next=cursor))

    @query("/v1/orders/<uuid:order_id>", scope=READ, reply=OrderView)
    def show_order(self, db: Connection, call: Call[None]) -> Reply:
        """Show an order with its payment and its goods."""
        order_id: UUID = call.path["order_id"]
        order, version = queries.order_state(db, call.tenant, order_id)
        payment = queries.payment_state(db, call.tenant, order_id)
        goods = queries.fulfilment_state(db, call.tenant, order_id)
        return Reply(body=views.order(order, payment, goods), version=version)

    @command(
        "/v1/orders/<uuid:order_id>/cancel",
        scope=WRITE,
        body=CancelRequest,
        reply=OrderView,
        status=200,
        requires_match=True,
        promised=True,
    )
    def cancel_order(self, work: UnitOfWork, call: Call[CancelRequest]) -> Reply:
        """Take an order back that is not paid yet."""
        done = handlers.cancel_order(
            work,
            call.path["order_id"],
            reason=call.body.reason,
            expected_version=call.if_match,
        )
        return Reply(body=views.order(done.state), version=done.version)

    @command(
        f"{FULFILMENT}/accept",
        scope=WRITE,
        body=Moment,
        reply=FulfilmentView,
        status=200,
        promised=True,
    )
    def accept_order(self, work: UnitOfWork, call: Call[Moment]) -> Reply:
        """Take an order on, in the warehouse."""
        return _goods(call.path["order_id"], handlers.accept(work, call.path["order_id"]))

    @command(
        f"{FULFILMENT}/ship",
        scope=WRITE,
        body=ShipRequest,
        reply=FulfilmentView,
        status=200,
        promised=True,
    )
    def ship_order(self, work: UnitOfWork, call: Call[ShipRequest]) -> Reply:
        """Hand an order's parcel to a carrier."""
        order_id: UUID = call.path["order_id"]
        done = departures.ship(work, order_id, carrier=call.body.carrier, no=call.body.no)
        return _goods(order_id, done)

    @command(
        f"{FULFILMENT}/deliver",
        scope=WRITE,
        body=Moment,
        reply=FulfilmentView,
        status=200,
        promised=True,
    )
    def deliver_order(self, work: UnitOfWork, call: Call[Moment]) -> Reply:
        """Note that a parcel arrived."""
        return _goods(call.path["order_id"], handlers.deliver(work, call.path["order_id"]))

    @command(
        f"{FULFILMENT}/fail",
        scope=WRITE,
        body=FailRequest,
        reply=FulfilmentView,
        status=200,
        promised=True,
    )
    def fail_delivery(self, work: UnitOfWork, call: Call[FailRequest]) -> Reply:
        """Give a delivery up."""
        order_id: UUID = call.path["order_id"]
        return _goods(order_id, handlers.fail(work, order_id, reason=call.body.reason))

    @command(
        f"{FULFILMENT}/return",
        scope=WRITE,
        body=ReturnRequest,
        reply=FulfilmentView,
        status=200,
        promised=True,
    )
    def return_goods(self, work: UnitOfWork, call: Call[ReturnRequest]) -> Reply:
        """Take goods back."""
        order_id: UUID = call.path["order_id"]
        return _goods(order_id, handlers.take_back(work, order_id, call.body))

    @command(
        "/v1/tenants/<tenant>/payments/callbacks",
        body=ProviderCallback,
        status=200,
        tenant_from=_signed,
        key_from=body_key,
        actor="service:payment_provider",
    )
    def hear_provider(self, work: UnitOfWork, call: Call[ProviderCallback]) -> Reply:
        """Take note of what happened to the money of a payment."""
        handlers.hear_provider(work, call.body)
        return Reply(body={"heard": call.body.callback_id})

    @query("/v1/reports/orphans", scope=READ, query=OrphansWanted, reply=OrphanView, many=True)
    def report_orphans(self, db: Connection, call: Call[None]) -> Reply:
        """List the orders that are not finished and stand still."""
        before = call.query.before or _wall.now() - USUAL_PATIENCE
        return Reply(body=queries.stuck_orders(db, call.tenant, before=before))

    @subscribe("identity", "tenant_created")
    def on_tenant_created(self, work: UnitOfWork, received: Received) -> None:
        """Note a company's zone and currency."""
        handlers.keep_tenant(work, received.data)

    @subscribe("identity", "tenant_quotas_set")
    def on_tenant_quotas_set(self, work: UnitOfWork, received: Received) -> None:
        """Keep how much a tenant may do."""
        hearing.hear(work, zone=received.data.zone, limits=received.data.limits)

    @subscribe("identity", "account_linked")
    def on_account_linked(self, work: UnitOfWork, received: Received) -> None:
        """Count an account's orders as its person's."""
        link = received.data
        persons.join(work.db, work.tenant, member=link.account_id, person=link.person_id)

    @subscribe("identity", "account_unlinked")
    def on_account_unlinked(self, work: UnitOfWork, received: Received) -> None:
        """Count an account's orders by themselves again."""
        handlers.unlink_account(work, received.data)

    @subscribe("identity", "person_split")
    def on_person_split(self, work: UnitOfWork, received: Received) -> None:
        """Count two persons as two again."""
        handlers.split_person(work, received.data)

    @subscribe("identity", "persons_merged")
    def on_persons_merged(self, work: UnitOfWork, received: Received) -> None:
        """Count two persons as one."""
        merge = received.data
        persons.join(work.db, work.tenant, member=merge.absorbed, person=merge.survivor)

    @subscribe("identity", "erasure_requested")
    def on_erasure_requested(self, work: UnitOfWork, received: Received) -> None:
        """Forget a person."""
        asked = received.data
        handlers.forget_people(work, request_id=asked.request_id, subjects=asked.subjects)


def _goods(order_id: UUID, done: Executed[Fulfilment]) -> Reply:
    body = FulfilmentView(order_id=order_id, status=done.state.status)
    return Reply(body=body, version=done.version)
