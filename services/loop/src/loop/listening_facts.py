"""What listening's events say about mentions and the replies owed to them."""

from collections.abc import Iterator

from chassis.clock import micros
from loop import fact_tables as facts
from loop import upstream
from loop.fact_tables import Fact
from loop.reading import Frame, reads


@reads(upstream.MentionDetected)
def _mention(event: upstream.MentionDetected, on: Frame) -> Iterator[Fact]:
    at = micros(event.detected_at)
    yield facts.Mention(
        tenant=on.tenant,
        at=at,
        mention_id=event.mention_id,
        brand=event.brand,
        platform=event.platform,
        kind=event.kind,
        lang=event.lang or "",
        posted_at=micros(event.posted_at),
    )
    for product in event.product_refs:
        yield facts.MentionedProduct(
            tenant=on.tenant, at=at, mention_id=event.mention_id, product=product
        )


@reads(upstream.MentionClassified)
def _classification(event: upstream.MentionClassified, on: Frame) -> Iterator[Fact]:
    yield facts.Classification(
        tenant=on.tenant,
        at=on.at,
        mention_id=event.mention_id,
        polarity=event.polarity,
        intent=event.intent or "",
    )


@reads(upstream.CaseOpened)
def _case_opened(event: upstream.CaseOpened, on: Frame) -> Iterator[Fact]:
    yield facts.CaseOpened(
        tenant=on.tenant,
        at=on.at,
        case_id=event.case_id,
        kind=event.type,
        due_at=micros(event.due_at),
    )


@reads(upstream.ReplySent)
def _reply(event: upstream.ReplySent, on: Frame) -> Iterator[Fact]:
    yield facts.Reply(
        tenant=on.tenant, at=micros(event.at), case_id=event.case_id, within=event.within
    )


@reads(upstream.SlaBreached)
def _breach(event: upstream.SlaBreached, on: Frame) -> Iterator[Fact]:
    yield facts.Breach(tenant=on.tenant, at=on.at, case_id=event.case_id)


@reads(upstream.CaseResolved)
def _case_resolved(event: upstream.CaseResolved, on: Frame) -> Iterator[Fact]:
    yield facts.CaseResolved(
        tenant=on.tenant, at=on.at, case_id=event.case_id, outcome=event.outcome
    )
