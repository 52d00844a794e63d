"""The part of commerce's door that is about stores, their tills, and who bought there."""

from sqlalchemy import Connection

from chassis.clock import SystemClock
from chassis.entrypoints import command, query
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import purchases, stores_queries, views
from commerce.drop_place import not_a_drops
from commerce.messages import OrderView
from commerce.store import STORE, DescribeStore
from commerce.stores_events import Hours, Spot, StoreDescribed
from commerce.stores_messages import (
    PaidBackRequest,
    PersonOrders,
    PurchaseRequest,
    StoreRequest,
    StoresWanted,
    StoreView,
)

READ, WRITE, TILL = "commerce.read", "commerce.write", "commerce.till"
_wall = SystemClock()


class StoresEdge:
    """Stores, what was bought there, and whose phone number it was bought with."""

    @command("/v1/stores", scope=WRITE, body=StoreRequest, status=204)
    def describe_store(self, work: UnitOfWork, call: Call[StoreRequest]) -> Reply:
        """Say where a store is and when it is open; its stock location has its name."""
        not_a_drops(call.body.store_id)
        described = _described(call.body)
        work.execute(STORE, described.store_id, DescribeStore(described=described))
        return Reply()

    @query("/v1/stores", scope=READ, query=StoresWanted, reply=StoreView, many=True)
    def find_stores(self, db: Connection, call: Call[None]) -> Reply:
        """Find stores near a point, of a region, or that have a product."""
        found = stores_queries.find_stores(db, call.tenant, call.query, now=_wall.now())
        return Reply(body=found)

    @command(
        "/v1/stores/<store_id>/purchases",
        scope=TILL,
        body=PurchaseRequest,
        reply=OrderView,
        promised=True,
    )
    def record_purchase(self, work: UnitOfWork, call: Call[PurchaseRequest]) -> Reply:
        """Take note of a receipt: bought, paid and taken home; once, however often it is told."""
        _, made = purchases.record(work, call.path["store_id"], call.body)
        return Reply(body=views.order(made.state), version=made.version)

    @command(
        "/v1/stores/<store_id>/purchases/<receipt_no>/refunds",
        scope=TILL,
        body=PaidBackRequest,
        status=204,
        promised=True,
    )
    def pay_back(self, work: UnitOfWork, call: Call[PaidBackRequest]) -> Reply:
        """Note that a till gave the money for returned goods back."""
        order_id = purchases.order_of(work.tenant, call.path["store_id"], call.path["receipt_no"])
        purchases.pay_back(work, order_id, call.body.amount)
        return Reply()

    @query("/v1/persons/<person_id>/orders", scope=READ, reply=PersonOrders)
    def list_persons_orders(self, db: Connection, call: Call[None]) -> Reply:
        """List what a person bought, online and in stores, the newest first."""
        person, found = stores_queries.orders_of(db, call.tenant, call.path["person_id"])
        return Reply(body=PersonOrders(person_id=person, orders=tuple(found)))


def _described(wanted: StoreRequest) -> StoreDescribed:
    spot, hours = wanted.position, wanted.hours
    return StoreDescribed(
        store_id=wanted.store_id,
        name=wanted.name,
        address=wanted.address,
        region=wanted.region,
        position=Spot(latitude=spot.latitude, longitude=spot.longitude),
        zone=wanted.zone,
        hours=tuple(
            Hours(weekday=entry.weekday, opens=entry.opens, closes=entry.closes) for entry in hours
        ),
    )
