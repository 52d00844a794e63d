"""The way to the fulfilment partner: it is asked over HTTP and answers by signed callbacks.

Without FULFILMENT_PARTNER_URL nobody is asked: a warehouse of our own reads the orders and
tells of them over our HTTP interface.
"""

from collections.abc import Callable
from typing import Any

import httpx

from chassis import schemas
from chassis.blueprint import Calls
from chassis.envelope import Recorded
from chassis.storage import Storage
from chassis.telemetry import span
from chassis.unit_of_work import UnitOfWork
from commerce import departures, handlers, settings
from commerce.fulfilment import FULFILMENT
from commerce.fulfilment_messages import ParcelLine, ParcelOrder, PartnerCallback
from commerce.gateways import TIMEOUT_SECONDS, Asked, ask, placed_order
from commerce.order_events import FulfilmentFailed, FulfilmentRequested, OrderPlaced

WHO = "fulfilment partner"
HANDED_OVER = "store"  # bought at a till: the buyer has the goods
SOMEBODY = "partner"


class FulfilmentPartner:
    """The partner's HTTP interface.

    Args:
        client: Reaches the partner; its base address is the partner's.
        callbacks: Our own address as the partner sees it.
    """

    def __init__(self, client: httpx.Client, *, callbacks: str) -> None:
        self._client = client
        self._callbacks = callbacks

    def ask(self, recorded: Recorded, placed: OrderPlaced, verb: str, lines: Any = ()) -> None:
        """Make one request; its outcome comes later, as callbacks.

        Raises:
            Unavailable: the partner does not answer now.
            ProviderRefused: it does not take this request.
        """
        tenant = recorded.tenant
        order = ParcelOrder(
            merchant=tenant,
            callback_url=f"{self._callbacks}/v1/tenants/{tenant}/fulfilment/callbacks",
            location=placed.location,
            lines=tuple(ParcelLine(sku=line.sku, qty=line.qty) for line in lines),
            reference=placed.external_ref,
        )
        asked = Asked(
            key=recorded.id,
            path=f"/fulfilments/{placed.order_id}/{verb}",
            body=schemas.dump(order),
            correlation_id=recorded.correlation_id,
        )
        with span(f"ask partner to {verb}", kind="client", parent=recorded.traceparent):
            ask(self._client, asked, asked.body, who=WHO, peer="fulfilment")


def calls_to_partner(storage: Storage, partner: FulfilmentPartner) -> Calls:
    """Return what is asked of the partner, by the event that asks for it."""

    def about(act: Callable[[Recorded, OrderPlaced, Any], None]) -> Callable[[Recorded], None]:
        def call(recorded: Recorded) -> None:
            event = storage.registry.decode(recorded, storage.keys)
            placed = placed_order(storage, recorded.tenant, event.order_id)
            if placed.origin.mode != HANDED_OVER:
                act(recorded, placed, event)

        return call

    def pack(recorded: Recorded, placed: OrderPlaced, event: FulfilmentRequested) -> None:
        partner.ask(recorded, placed, "pack", event.lines)

    def stop(recorded: Recorded, placed: OrderPlaced, event: FulfilmentFailed) -> None:
        if not event.shipped:
            partner.ask(recorded, placed, "stop")

    return {"fulfilment_requested": about(pack), "fulfilment_failed": about(stop)}


def fulfilment_gateway(storage: Storage) -> Calls:
    """Return the calls to the partner that the settings name; none where they name none.

    Raises:
        SettingsInvalid: an address is none.
    """
    known = settings.partner()
    if known is None:
        return {}
    client = httpx.Client(base_url=known.url, timeout=TIMEOUT_SECONDS)
    return calls_to_partner(storage, FulfilmentPartner(client, callbacks=known.callbacks))


def hear(work: UnitOfWork, news: PartnerCallback) -> None:
    """Take note of what the partner did; what was noted before is no news.

    What it did although we had called it off is news: the goods are gone.

    Raises:
        NothingToFulfil: we never asked for it.
        NotUnderWay: it arrived before we heard that it was sent; the partner says so again.
        AlreadyDelivered: it failed after it had arrived.
    """
    goods = work.load(FULFILMENT, news.order_id).state
    left = goods.shipped or goods.status == "delivered"
    match news.kind:
        case "accepted":
            handlers.accept(work, news.order_id)
        case "shipped" if not left:
            _ship(work, news)
        case "delivered":
            handlers.deliver(work, news.order_id)
        case "failed":
            if news.shipped and not left:
                _ship(work, news)  # that it left is on its way to us still
            handlers.fail(work, news.order_id, reason=news.reason or "failed")
        case _:
            return


def _ship(work: UnitOfWork, news: PartnerCallback) -> None:
    departures.ship(work, news.order_id, carrier=news.carrier or SOMEBODY, no=news.no)
