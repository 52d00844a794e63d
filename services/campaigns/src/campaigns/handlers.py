"""campaigns' use cases."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from campaigns import links, queries, subjects
from campaigns.content import (
    CONTENT,
    ApproveContent,
    CheckContent,
    Content,
    DraftContent,
    PublishContent,
    WithdrawContent,
)
from campaigns.conversion import (
    CONVERSION,
    AttributeConversion,
    CancelConversion,
    RefundConversion,
)
from campaigns.events import LengthLimitSet, TouchRecorded
from campaigns.messages import Draft, NewLimit, NewTouch, Publication, Spend
from campaigns.queries import Link
from campaigns.spending import AD, RecordSpend
from campaigns.tables import orders, tenants
from chassis import erasure
from chassis.clock import micros
from chassis.ids import derived_id
from chassis.insertion import insert_once
from chassis.money import Money
from chassis.unit_of_work import Executed, UnitOfWork

# Where nobody has said yet which market a tenant is in, the strictest rules hold.
STRICTEST_MARKET = "CN"


def draft_content(work: UnitOfWork, draft: Draft) -> tuple[UUID, int]:
    """Write a content down and return its id and version."""
    content_id = derived_id(work.context.command_id, "content")
    market = draft.market or queries.country_of(work.db, work.tenant) or STRICTEST_MARKET
    command = DraftContent(
        content_id=content_id,
        drafted_by=work.context.actor,
        face=draft.face,
        sell=draft.sell,
        author=draft.author,
        persona=draft.persona,
        platforms=tuple(dict.fromkeys(draft.platforms)),
        text=draft.text,
        lang=draft.lang,
        market=market,
        products=tuple(draft.products),
        segments=tuple(draft.segments),
        campaign_id=draft.campaign_id,
        link=draft.link,
        to_shop=draft.to_shop,
        disclosure=draft.disclosure,
    )
    return content_id, work.execute(CONTENT, content_id, command).version


def check_content(
    work: UnitOfWork, content_id: UUID, *, expected_version: int | None
) -> Executed[Content]:
    """Hold the rules of the moment against a content; raises UnknownContent."""
    command = CheckContent(limits=queries.limits_of(work.db, work.tenant), now=work.now)
    return work.execute(CONTENT, content_id, command, expected_version=expected_version)


def approve_content(work: UnitOfWork, content_id: UUID, *, expected_version: int | None) -> int:
    """Let a content out and return its version; raises OwnApproval, NotPassing."""
    command = ApproveContent(by=work.context.actor)
    return work.execute(CONTENT, content_id, command, expected_version=expected_version).version


def publish_content(
    work: UnitOfWork, content_id: UUID, place: Publication, *, expected_version: int | None
) -> tuple[str | None, int]:
    """Put a content into a slot; return its tracked link's token and the version.

    Raises:
        NotApproved, NotPassing, TextTooLong, AdMarkMissing: it may not go out.
    """
    token = links.token_for(
        work.secret,
        work.tenant,
        content_id=content_id,
        platform=place.platform,
        slot=place.slot,
    )
    command = PublishContent(
        platform=place.platform,
        slot=place.slot,
        property_id=place.property_id,
        link_token=token,
        limits=queries.limits_of(work.db, work.tenant),
        now=work.now,
    )
    done = work.execute(CONTENT, content_id, command, expected_version=expected_version)
    draft = done.state.draft
    return token if draft and draft.link else None, done.version


def withdraw_content(
    work: UnitOfWork, content_id: UUID, *, reason: str, expected_version: int | None
) -> int:
    """Take a content back and return its version; raises AlreadyWithdrawn."""
    command = WithdrawContent(reason=reason)
    return work.execute(CONTENT, content_id, command, expected_version=expected_version).version


def set_length_limit(work: UnitOfWork, limit: NewLimit) -> None:
    """Tell how long a post may be on a platform from a moment on."""
    event = LengthLimitSet(
        platform=limit.platform,
        author=limit.author,
        characters=limit.characters,
        effective_from=limit.effective_from,
    )
    work.add(f"limit-{derived_id(work.context.command_id, 'limit')}", [event])


def record_touch(work: UnitOfWork, touch: NewTouch) -> UUID:
    """Write down that somebody met the brand, and return the touch's id."""
    touch_id = derived_id(work.context.command_id, "touch")
    event = TouchRecorded(
        touch_id=touch_id,
        subject=touch.subject,
        channel=touch.channel,
        campaign_id=touch.campaign_id,
        content_id=touch.content_id,
        kind=touch.kind,
        direct=touch.direct,
        cost=touch.cost,
        at=work.now,
    )
    work.add(f"touch-{touch_id}", [event])
    return touch_id


def follow_link(work: UnitOfWork, token: str, *, visitor: UUID) -> Link:
    """Note that a visitor followed a tracked link, and return where it leads.

    Raises:
        UnknownLink, LinkWithdrawn: it leads nowhere.
    """
    link = queries.link_of(work.db, work.tenant, token)
    click = NewTouch(
        # The browser may send any id: the prefix keeps it from being a person's or account's.
        subject=f"visitor-{visitor}",
        channel=link.platform,
        kind="click",
        campaign_id=link.campaign_id,
        content_id=link.content_id,
    )
    record_touch(work, click)
    return link


def record_spend(work: UnitOfWork, spend: Spend) -> None:
    """Write down what an ad cost on a day; raises SpendDiffers."""
    command = RecordSpend(
        ad_id=spend.ad_id,
        channel=spend.channel,
        impressions=spend.impressions,
        clicks=spend.clicks,
        cost=spend.cost,
        day=spend.day,
    )
    work.execute(AD, spend.ad_id, command)


def remember_tenant(work: UnitOfWork, *, zone: str, currency: str, country: str | None) -> None:
    """Keep what identity says of a tenant."""
    known = {"zone": zone, "currency": currency, "country": country}
    if not insert_once(work.db, tenants, {"tenant": work.tenant, **known}):
        mine = tenants.c.tenant == work.tenant
        work.db.execute(update(tenants).where(mine).values(known))


def remember_order(work: UnitOfWork, *, order_id: str, person_id: str, at: datetime) -> None:
    """Keep when an order was placed: what touched its person later did not lead to it."""
    row = {
        "tenant": work.tenant,
        "order_id": order_id,
        "person_id": person_id,
        "placed_at": micros(at),
    }
    insert_once(work.db, orders, row)


def attribute_order(
    work: UnitOfWork, *, order_id: str, person_id: str, amount: Money, touch: str | None
) -> None:
    """Give credit for a confirmed order to the touches before it."""
    remember_order(work, order_id=order_id, person_id=person_id, at=work.now)
    ids = subjects.subjects_of(work.db, work.tenant, person_id)
    command = AttributeConversion(
        order_id=order_id,
        amount=amount,
        ordered_at=queries.placed_at(work.db, work.tenant, order_id) or work.now,
        touches=queries.touches_of(work.db, work.tenant, ids, touch=touch),
    )
    work.execute(CONVERSION, order_id, command)


def refund_order(work: UnitOfWork, *, order_id: str, amount: Money) -> None:
    """Take credit back in the measure that money went back."""
    work.execute(CONVERSION, order_id, RefundConversion(order_id=order_id, amount=amount))


def cancel_order(work: UnitOfWork, *, order_id: str) -> None:
    """Take back all credit that an order still gives."""
    work.execute(CONVERSION, order_id, CancelConversion(order_id=order_id))


def erase_subjects(work: UnitOfWork, *, request_id: UUID, subject_ids: tuple[str, ...]) -> None:
    """Forget whose touches these were, and say so."""
    erasure.erase(work, request_id=request_id, subjects=subject_ids, forget=subjects.forget)
