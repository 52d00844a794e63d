"""The part of commerce's door that is about marketplaces."""

from hashlib import sha256

from sqlalchemy import Connection, select
from werkzeug import Request

from chassis.callbacks import SIGNATURE_HEADER, SignedCallback
from chassis.clock import SystemClock, moment
from chassis.entrypoints import command, query
from chassis.routes import Call, Reply
from chassis.unit_of_work import UnitOfWork
from commerce import settings, trade_import
from commerce.product import PRODUCT, ProductUnknown
from commerce.trade import OUTER_SKU, MapOuterSku
from commerce.trade_events import OuterSkuMapped
from commerce.trade_messages import (
    HeardView,
    MarketplaceMessage,
    OuterSkuRequest,
    RefusedMessageView,
)
from commerce.trade_tables import refused_messages

READ, WRITE = "commerce.read", "commerce.write"
MOST_LISTED = 200
_signed = SignedCallback(secrets_of=settings.marketplace_secrets, clock=SystemClock())


def attempt_key(request: Request) -> str:
    """Return a key for one attempt: a message that was refused is tried anew when it is repeated.

    Each attempt is signed at its own time; that a message counts once is the trade's rule.
    """
    signature = request.headers.get(SIGNATURE_HEADER, "")
    return sha256(signature.encode() + request.get_data(cache=True)).hexdigest()


class TradeEdge:
    """Messages of marketplaces, which of them wait, and what our products are called there."""

    @command(
        "/v1/tenants/<tenant>/marketplaces/<marketplace>/messages",
        body=MarketplaceMessage,
        reply=HeardView,
        status=200,
        tenant_from=_signed,
        key_from=attempt_key,
        actor="service:marketplace",
    )
    def hear_marketplace(self, work: UnitOfWork, call: Call[MarketplaceMessage]) -> Reply:
        """Do what a marketplace's message says; one that is refused is to be sent again."""
        refusal = trade_import.hear(work, call.path["marketplace"], call.body)
        if refusal is None:
            return Reply(body=HeardView(taken=True))
        view = HeardView(taken=False, code=refusal.code, detail=str(refusal))
        return Reply(body=view, status=type(refusal).status)

    @query("/v1/marketplaces/messages/refused", scope=READ, reply=RefusedMessageView, many=True)
    def list_refused(self, db: Connection, call: Call[None]) -> Reply:
        """List the messages that could not be done yet, the oldest first."""
        row = refused_messages.c
        page = (
            select(refused_messages)
            .where(row.tenant == call.tenant)
            .order_by(row.refused_at, row.message_id)
            .limit(MOST_LISTED)
        )
        found = tuple(
            RefusedMessageView(
                marketplace=entry.marketplace,
                trade_no=entry.trade_no,
                message_id=entry.message_id,
                topic=entry.topic,
                code=entry.code,
                detail=entry.detail,
                refused_at=moment(entry.refused_at),
            )
            for entry in db.execute(page)
        )
        return Reply(body=found)

    @command("/v1/marketplaces/<marketplace>/skus", scope=WRITE, body=OuterSkuRequest, status=204)
    def map_outer_sku(self, work: UnitOfWork, call: Call[OuterSkuRequest]) -> Reply:
        """Say which product a marketplace means; messages that waited for it can be done then."""
        marketplace, body = trade_import.known(call.path["marketplace"]), call.body
        if work.load(PRODUCT, body.sku).state.title is None:
            raise ProductUnknown("List the product first.")
        mapped = OuterSkuMapped(marketplace=marketplace, outer_id=body.outer_id, sku=body.sku)
        work.execute(OUTER_SKU, f"{marketplace}.{body.outer_id}", MapOuterSku(mapped=mapped))
        return Reply()
