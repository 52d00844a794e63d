"""What commerce's events say about orders, payments and goods."""

from collections.abc import Iterator

from loop import fact_tables as facts
from loop import upstream
from loop.fact_tables import Fact
from loop.reading import Frame, reads


@reads(upstream.OrderPlaced)
def _order_placed(event: upstream.OrderPlaced, on: Frame) -> Iterator[Fact]:
    yield facts.OrderPlaced(
        tenant=on.tenant,
        at=on.at,
        order_id=event.order_id,
        person_id=event.person_id,
        platform=_platform(event.origin),
        amount=event.total.amount,
        currency=event.total.currency,
    )
    for line in event.lines:
        yield facts.OrderLine(
            tenant=on.tenant, at=on.at, order_id=event.order_id, sku=line.sku, quantity=line.qty
        )


@reads(upstream.OrderConfirmed)
def _order_confirmed(event: upstream.OrderConfirmed, on: Frame) -> Iterator[Fact]:
    yield facts.OrderConfirmed(
        tenant=on.tenant,
        at=on.at,
        order_id=event.order_id,
        person_id=event.person_id,
        platform=_platform(event.origin),
        amount=event.total.amount,
        currency=event.total.currency,
    )


@reads(upstream.OrderEnded)
def _order_ended(event: upstream.OrderEnded, on: Frame) -> Iterator[Fact]:
    how = on.type.removeprefix("order_")
    yield facts.OrderEnded(tenant=on.tenant, at=on.at, order_id=event.order_id, how=how)


@reads(upstream.PaymentMoved)
def _payment(event: upstream.PaymentMoved, on: Frame) -> Iterator[Fact]:
    yield facts.Payment(
        tenant=on.tenant,
        at=on.at,
        payment_id=event.payment_id,
        order_id=event.order_id,
        what=on.type.removeprefix("payment_"),
    )


@reads(upstream.GoodsMoved)
def _fulfilment(event: upstream.GoodsMoved, on: Frame) -> Iterator[Fact]:
    what = on.type.removeprefix("fulfilment_")
    yield facts.Fulfilment(tenant=on.tenant, at=on.at, order_id=event.order_id, what=what)


def _platform(origin: upstream.Origin | None) -> str:
    return (origin.platform if origin else None) or "direct"
