"""Read models that campaigns keeps for its own queries and rules."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, insert, update

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
from chassis.clock import micros
from chassis.envelope import Envelope
from chassis.insertion import insert_once
from chassis.projections import Fact, Projection

calendar = Projection("content_calendar", ["contents", "publications"])
attributed = Projection("attribution_by_order", ["conversions", "credits_given"])
spending = Projection("spend_by_day", ["spend"])
links = Projection("tracked_links", ["links"])
limits = Projection("length_limits", ["length_limits"])
journeys = Projection("touches_by_subject", ["touches", "sessions"])


@journeys.on_many(TouchRecorded)
def keep_touches(facts: Sequence[Fact[TouchRecorded]], db: Connection) -> None:
    """Remember touches for attribution, and that their rows were imported."""
    rows = [
        {
            "tenant": recorded.tenant,
            "touch_id": str(event.touch_id),
            "event_id": str(recorded.id),
            "subject": event.subject,
            "channel": event.channel,
            "campaign_id": event.campaign_id,
            "content_id": event.content_id,
            "kind": event.kind,
            "direct": event.direct,
            "at": micros(event.at),
        }
        for event, recorded in facts
    ]
    db.execute(insert(tables.touches), rows)


@journeys.on_many(SessionRecorded)
def keep_sessions(facts: Sequence[Fact[SessionRecorded]], db: Connection) -> None:
    """Remember that sessions were imported."""
    rows = [
        {
            "tenant": recorded.tenant,
            "session_id": str(event.session_id),
            "subject": event.subject,
            "source": event.source,
            "started_at": micros(event.started_at),
        }
        for event, recorded in facts
    ]
    db.execute(insert(tables.sessions), rows)


@limits.on(LengthLimitSet)
def keep_limit(event: LengthLimitSet, recorded: Envelope, db: Connection) -> None:
    """Put a limit in force from its moment on; the same moment again corrects it."""
    table = tables.length_limits
    key = {
        "tenant": recorded.tenant,
        "platform": event.platform,
        "author": event.author,
        "effective_from": micros(event.effective_from),
    }
    if not insert_once(db, table, {**key, "characters": event.characters}):
        same = and_(*(table.c[name] == value for name, value in key.items()))
        db.execute(update(table).where(same).values(characters=event.characters))


@links.on(ContentPublished)
def open_link(event: ContentPublished, recorded: Envelope, db: Connection) -> None:
    """Lead a published link to its target from now on."""
    if event.link_token is None:
        return
    row = {
        "tenant": recorded.tenant,
        "token": event.link_token,
        "content_id": str(event.content_id),
        "campaign_id": event.campaign_id,
        "platform": event.platform,
        "target": event.link,
        "withdrawn": False,
    }
    db.execute(insert(tables.links).values(row))


@links.on(ContentWithdrawn)
def close_links(event: ContentWithdrawn, recorded: Envelope, db: Connection) -> None:
    """Lead a withdrawn content's links nowhere."""
    table = tables.links
    mine = _of_content(table, event, recorded)
    db.execute(update(table).where(mine).values(withdrawn=True))


@calendar.on(ContentDrafted)
def list_draft(event: ContentDrafted, recorded: Envelope, db: Connection) -> None:
    """Enter a draft into the calendar."""
    same = (
        "face", "sell", "persona", "text", "length", "lang", "market", "campaign_id", "link",
        "purchase_link", "ad_mark", "drafted_by",
    )  # fmt: skip
    row = {
        "tenant": recorded.tenant,
        "content_id": str(event.content_id),
        "drafted_at": micros(recorded.occurred_at),
        "status": "drafted",
        "platforms": json.dumps(event.platforms),
        "version": recorded.version,
        **{name: getattr(event, name) for name in same},
    }
    db.execute(insert(tables.contents).values(row))


@calendar.on(ContentChecked)
def show_check(event: ContentChecked, recorded: Envelope, db: Connection) -> None:
    """Put the check's result beside the content."""
    problems = json.dumps(schemas.dump(event)["problems"], ensure_ascii=False)
    status = "checked" if event.passed else "rejected"
    _change(event, recorded, db, problems=problems, status=status)


@calendar.on(ContentApproved)
def show_approval(event: ContentApproved, recorded: Envelope, db: Connection) -> None:
    """Show that the content may go out."""
    _change(event, recorded, db, status="approved", approved_by=event.by)


@calendar.on(ContentRejected)
def show_rejection(event: ContentRejected, recorded: Envelope, db: Connection) -> None:
    """Show that the content may not go out."""
    _change(event, recorded, db, status="rejected")


@calendar.on(ContentPublished)
def list_publication(event: ContentPublished, recorded: Envelope, db: Connection) -> None:
    """Enter one more slot that the content is out in."""
    row = {
        "tenant": recorded.tenant,
        "content_id": str(event.content_id),
        "platform": event.platform,
        "slot": event.slot,
        "property_id": event.property_id,
        "face": event.face,
        "sell": event.sell,
        "link_token": event.link_token,
        "at": micros(event.at),
    }
    db.execute(insert(tables.publications).values(row))
    _change(event, recorded, db, status="published")


@calendar.on(ContentWithdrawn)
def show_withdrawal(event: ContentWithdrawn, recorded: Envelope, db: Connection) -> None:
    """Show that the content was taken back."""
    _change(event, recorded, db, status="withdrawn")


@spending.on(SpendRecorded)
def add_spend(event: SpendRecorded, recorded: Envelope, db: Connection) -> None:
    """Enter one more day of one ad."""
    row = {
        "tenant": recorded.tenant,
        "ad_id": event.ad_id,
        "day": event.day,
        "channel": event.channel,
        "impressions": event.impressions,
        "clicks": event.clicks,
        "cost": event.cost.amount,
        "currency": event.cost.currency,
    }
    db.execute(insert(tables.spend).values(row))


@attributed.on(ConversionAttributed)
def list_conversion(event: ConversionAttributed, recorded: Envelope, db: Connection) -> None:
    """Enter an order's credits."""
    order = {"tenant": recorded.tenant, "order_id": event.order_id}
    conversion = {
        **order,
        "model": event.model,
        "window_days": event.window_days,
        "ordered_at": micros(event.ordered_at),
        "amount": event.amount.amount,
        "currency": event.amount.currency,
        "reversed": 0,
    }
    db.execute(insert(tables.conversions).values(conversion))
    rows = [
        {
            **order,
            "touch_id": str(credit.touch_id),
            "place": place,
            "channel": credit.channel,
            "campaign_id": credit.campaign_id,
            "content_id": credit.content_id,
            "weight": str(credit.weight),
            "amount": credit.amount.amount,
        }
        for place, credit in enumerate(event.credits)
    ]
    db.execute(insert(tables.credits_given), rows)


@attributed.on(AttributionReversed)
def shrink_conversion(event: AttributionReversed, recorded: Envelope, db: Connection) -> None:
    """Take part of an order's credits out of the count."""
    table = tables.conversions
    db.execute(
        update(table)
        .where(table.c.tenant == recorded.tenant, table.c.order_id == event.order_id)
        .values(reversed=table.c.reversed + event.amount.amount)
    )


def _change(event: ContentEvent, recorded: Envelope, db: Connection, **changes: Any) -> None:
    mine = _of_content(tables.contents, event, recorded)
    db.execute(update(tables.contents).where(mine).values(version=recorded.version, **changes))


def _of_content(table: Any, event: ContentEvent, recorded: Envelope) -> Any:
    return and_(table.c.tenant == recorded.tenant, table.c.content_id == str(event.content_id))
