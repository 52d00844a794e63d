"""The part of commerce's door that is about goods on the shelf."""

from sqlalchemy import Connection

from chassis.entrypoints import command, query
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import handlers, queries, views
from commerce.messages import AvailableView, ReceiptRequest, StockView
from commerce.stock_messages import AdjustmentRequest

READ, WRITE = "commerce.read", "commerce.write"


class StockEdge:
    """Deliveries, corrections, and what is there."""

    @command("/v1/stock/receipts", scope=WRITE, body=ReceiptRequest, reply=StockView)
    def receive_stock(self, work: UnitOfWork, call: Call[ReceiptRequest]) -> Reply:
        """Take a delivery in."""
        done = handlers.receive_stock(work, call.body)
        return Reply(body=views.stock(call.body.location, done.state), version=done.version)

    @command(
        "/v1/stock/adjustments", scope=WRITE, body=AdjustmentRequest, reply=StockView, promised=True
    )
    def adjust_stock(self, work: UnitOfWork, call: Call[AdjustmentRequest]) -> Reply:
        """Correct a count, up or down."""
        done = handlers.adjust_stock(work, call.body)
        return Reply(body=views.stock(call.body.location, done.state), version=done.version)

    @query("/v1/stock/<sku>", scope=READ, reply=AvailableView)
    def show_stock(self, db: Connection, call: Call[None]) -> Reply:
        """Show how many pieces of a product can be sold now."""
        return Reply(body=queries.available_of(db, call.tenant, call.path["sku"]))
