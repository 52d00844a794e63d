"""What campaigns' events say about content, touches, visits, cost and credit."""

from collections.abc import Iterator

from chassis.clock import micros
from loop import fact_tables as facts
from loop import upstream
from loop.fact_tables import Fact
from loop.reading import Frame, billionths, midnight, reads


@reads(upstream.ContentMoved)
def _content_step(event: upstream.ContentMoved, on: Frame) -> Iterator[Fact]:
    what = on.type.removeprefix("content_")
    yield facts.ContentStep(tenant=on.tenant, at=on.at, content_id=event.content_id, what=what)


@reads(upstream.ContentPublished)
def _content_published(event: upstream.ContentPublished, on: Frame) -> Iterator[Fact]:
    yield facts.ContentPublished(
        tenant=on.tenant,
        at=micros(event.at),
        content_id=event.content_id,
        platform=event.platform,
        face=event.face or "unknown",
    )


@reads(upstream.TouchRecorded)
def _touch(event: upstream.TouchRecorded, on: Frame) -> Iterator[Fact]:
    yield facts.Touch(
        tenant=on.tenant,
        at=micros(event.at),
        touch_id=event.touch_id,
        channel=event.channel,
        content_id=event.content_id,
    )


@reads(upstream.SessionRecorded)
def _session(event: upstream.SessionRecorded, on: Frame) -> Iterator[Fact]:
    at = micros(event.started_at)
    yield facts.Session(
        tenant=on.tenant,
        at=at,
        session_id=event.session_id,
        source=event.source or "direct",
        device=event.device or "",
    )
    for step, times in sorted(event.steps.items()):
        yield facts.SessionStep(
            tenant=on.tenant, at=at, session_id=event.session_id, step=step, times=times
        )


@reads(upstream.SpendRecorded)
def _spend(event: upstream.SpendRecorded, on: Frame) -> Iterator[Fact]:
    yield facts.Spend(
        tenant=on.tenant,
        at=midnight(event.day),
        ad_id=event.ad_id,
        channel=event.channel,
        impressions=event.impressions,
        clicks=event.clicks,
        amount=event.cost.amount,
        currency=event.cost.currency,
    )


@reads(upstream.ConversionAttributed)
def _credits(event: upstream.ConversionAttributed, on: Frame) -> Iterator[Fact]:
    for credit in event.credits:
        yield facts.Credit(
            tenant=on.tenant,
            at=on.at,
            order_id=event.order_id,
            model=event.model,
            channel=credit.channel,
            weight=billionths(credit.weight),
        )


@reads(upstream.AttributionReversed)
def _credit_reversed(event: upstream.AttributionReversed, on: Frame) -> Iterator[Fact]:
    fraction = billionths(event.fraction)
    yield facts.CreditReversed(
        tenant=on.tenant, at=on.at, order_id=event.order_id, fraction=fraction
    )
