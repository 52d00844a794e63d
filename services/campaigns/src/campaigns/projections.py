"""Read models that campaigns keeps for its own queries and rules."""

import json
from typing import Any

from campaigns import tables
from campaigns.events import (
    AttributionReversed,
    ContentApproved,
    ContentChecked,
    ContentDrafted,
    ContentEvent,
    ContentPublished,
    ContentRejected,
    ContentWithdrawn,
    ConversionAttributed,
    LengthLimitSet,
    SessionRecorded,
    SpendRecorded,
    TouchRecorded,
)
from chassis import schemas
from chassis.changes import Change, Changes, add, insert, put, update
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.projections import Projection

calendar = Projection("content_calendar", [tables.contents, tables.publications])
attributed = Projection("attribution_by_order", [tables.conversions, tables.credits_given])
spending = Projection("spend_by_day", [tables.spend])
links = Projection("tracked_links", [tables.links])
limits = Projection("length_limits", [tables.length_limits])
journeys = Projection(
    "touches_by_subject",
    [tables.touches, tables.sessions],
    also_written="an erasure removes from its rows whose they were",
)


@journeys.fold(TouchRecorded)
def keep_touch(event: TouchRecorded, recorded: Envelope) -> Changes:
    """Remember a touch for attribution, and that its row was imported."""
    yield insert(
        tables.touches,
        tenant=recorded.tenant,
        touch_id=str(event.touch_id),
        event_id=str(recorded.id),
        subject=event.subject,
        channel=event.channel,
        campaign_id=event.campaign_id,
        content_id=event.content_id,
        kind=event.kind,
        direct=event.direct,
        at=micros(event.at),
    )


@journeys.fold(SessionRecorded)
def keep_session(event: SessionRecorded, recorded: Envelope) -> Changes:
    """Remember that a session was imported."""
    yield insert(
        tables.sessions,
        tenant=recorded.tenant,
        session_id=str(event.session_id),
        subject=event.subject,
        source=event.source,
        started_at=micros(event.started_at),
    )


@limits.fold(LengthLimitSet)
def keep_limit(event: LengthLimitSet, recorded: Envelope) -> Changes:
    """Put a limit in force from its moment on; the same moment again corrects it."""
    yield put(
        tables.length_limits,
        tenant=recorded.tenant,
        platform=event.platform,
        author=event.author,
        effective_from=micros(event.effective_from),
        characters=event.characters,
    )


@links.fold(ContentPublished)
def open_link(event: ContentPublished, recorded: Envelope) -> Changes:
    """Lead a published link to its target from now on."""
    if event.link_token is not None:
        yield insert(
            tables.links,
            **_content(event, recorded),
            token=event.link_token,
            campaign_id=event.campaign_id,
            platform=event.platform,
            target=event.link,
            withdrawn=False,
        )


@links.fold(ContentWithdrawn)
def close_links(event: ContentWithdrawn, recorded: Envelope) -> Changes:
    """Lead a withdrawn content's links nowhere."""
    yield update(tables.links, _content(event, recorded), withdrawn=True)


@calendar.fold(ContentDrafted)
def list_draft(event: ContentDrafted, recorded: Envelope) -> Changes:
    """Enter a draft into the calendar."""
    same = (
        "face", "sell", "persona", "text", "length", "lang", "market", "campaign_id", "link",
        "purchase_link", "ad_mark", "drafted_by",
    )  # fmt: skip
    yield insert(
        tables.contents,
        **_content(event, recorded),
        drafted_at=micros(recorded.occurred_at),
        status="drafted",
        platforms=json.dumps(event.platforms),
        version=recorded.version,
        **{name: getattr(event, name) for name in same},
    )


@calendar.fold(ContentChecked)
def show_check(event: ContentChecked, recorded: Envelope) -> Changes:
    """Put the check's result beside the content."""
    problems = json.dumps(schemas.dump(event)["problems"], ensure_ascii=False)
    status = "checked" if event.passed else "rejected"
    yield _change(event, recorded, problems=problems, status=status)


@calendar.fold(ContentApproved)
def show_approval(event: ContentApproved, recorded: Envelope) -> Changes:
    """Show that the content may go out."""
    yield _change(event, recorded, status="approved", approved_by=event.by)


@calendar.fold(ContentRejected)
def show_rejection(event: ContentRejected, recorded: Envelope) -> Changes:
    """Show that the content may not go out."""
    yield _change(event, recorded, status="rejected")


@calendar.fold(ContentPublished)
def list_publication(event: ContentPublished, recorded: Envelope) -> Changes:
    """Enter one more slot that the content is out in."""
    yield insert(
        tables.publications,
        **_content(event, recorded),
        platform=event.platform,
        slot=event.slot,
        property_id=event.property_id,
        face=event.face,
        sell=event.sell,
        link_token=event.link_token,
        at=micros(event.at),
    )
    yield _change(event, recorded, status="published")


@calendar.fold(ContentWithdrawn)
def show_withdrawal(event: ContentWithdrawn, recorded: Envelope) -> Changes:
    """Show that the content was taken back."""
    yield _change(event, recorded, status="withdrawn")


@spending.fold(SpendRecorded)
def add_spend(event: SpendRecorded, recorded: Envelope) -> Changes:
    """Enter one more day of one ad."""
    yield insert(
        tables.spend,
        tenant=recorded.tenant,
        ad_id=event.ad_id,
        day=event.day,
        channel=event.channel,
        impressions=event.impressions,
        clicks=event.clicks,
        cost=event.cost.amount,
        currency=event.cost.currency,
    )


@attributed.fold(ConversionAttributed)
def list_conversion(event: ConversionAttributed, recorded: Envelope) -> Changes:
    """Enter an order's credits."""
    order = {"tenant": recorded.tenant, "order_id": event.order_id}
    yield insert(
        tables.conversions,
        **order,
        model=event.model,
        window_days=event.window_days,
        ordered_at=micros(event.ordered_at),
        amount=event.amount.amount,
        currency=event.amount.currency,
        reversed=0,
    )
    for place, credit in enumerate(event.credits):
        yield insert(
            tables.credits_given,
            **order,
            touch_id=str(credit.touch_id),
            place=place,
            channel=credit.channel,
            campaign_id=credit.campaign_id,
            content_id=credit.content_id,
            weight=str(credit.weight),
            amount=credit.amount.amount,
        )


@attributed.fold(AttributionReversed)
def shrink_conversion(event: AttributionReversed, recorded: Envelope) -> Changes:
    """Take part of an order's credits out of the count."""
    order = {"tenant": recorded.tenant, "order_id": event.order_id}
    yield add(tables.conversions, order, reversed=event.amount.amount)


def _change(event: ContentEvent, recorded: Envelope, **changes: Any) -> Change:
    mine = _content(event, recorded)
    return update(tables.contents, mine, version=recorded.version, **changes)


def _content(event: ContentEvent, recorded: Envelope) -> dict[str, str]:
    return {"tenant": recorded.tenant, "content_id": str(event.content_id)}
