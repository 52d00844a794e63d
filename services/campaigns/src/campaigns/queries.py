"""What campaigns' rules ask of its read models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, or_, select

from campaigns.attribution import Touch
from campaigns.checks import KNOWN_LIMITS, LengthLimit
from campaigns.links import LinkWithdrawn, UnknownLink
from campaigns.tables import length_limits, links, orders, sessions, tenants, touches
from chassis.clock import moment

_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """Where a tracked link leads, and what it belongs to."""

    content_id: str
    campaign_id: str | None
    platform: str
    target: str


def limits_of(db: Connection, tenant: str) -> tuple[LengthLimit, ...]:
    """Return the known limits, then the tenant's own, which win where they begin together."""
    table = length_limits
    found = db.execute(select(table).where(table.c.tenant == tenant)).mappings()
    own = (
        LengthLimit(
            platform=row["platform"],
            author=row["author"],
            characters=row["characters"],
            effective_from=moment(row["effective_from"]),
        )
        for row in found
    )
    return (*KNOWN_LIMITS, *own)


def country_of(db: Connection, tenant: str) -> str | None:
    """Return the tenant's country, if it is known yet."""
    return db.execute(select(tenants.c.country).where(tenants.c.tenant == tenant)).scalar()


def link_of(db: Connection, tenant: str, token: str) -> Link:
    """Return a tracked link.

    Raises:
        UnknownLink: nothing was published under the token.
        LinkWithdrawn: its content was taken back.
    """
    mine = (links.c.tenant == tenant) & (links.c.token == token)
    row = db.execute(select(links).where(mine)).mappings().one_or_none()
    if row is None:
        raise UnknownLink("The link was never published.")
    if row["withdrawn"]:
        raise LinkWithdrawn("The content behind the link was taken back.")
    return Link(
        content_id=row["content_id"],
        campaign_id=row["campaign_id"],
        platform=row["platform"],
        target=row["target"],
    )


def touches_of(
    db: Connection, tenant: str, subjects: Sequence[str], *, touch: str | None = None
) -> tuple[Touch, ...]:
    """Return the touches of some subjects, and of whoever left a certain touch."""
    led = select(touches.c.subject).where(touches.c.tenant == tenant, touches.c.touch_id == touch)
    found = select(touches).where(
        touches.c.tenant == tenant,
        or_(touches.c.subject.in_(subjects), touches.c.subject.in_(led)),
    )
    return tuple(_touch(row) for row in db.execute(found).mappings())


def known_touches(db: Connection, tenant: str, ids: Iterable[str]) -> set[str]:
    """Return which of some touches are recorded."""
    return _known(db, touches.c.tenant == tenant, touches.c.touch_id, list(ids))


def known_sessions(db: Connection, tenant: str, ids: Iterable[str]) -> set[str]:
    """Return which of some sessions are recorded."""
    return _known(db, sessions.c.tenant == tenant, sessions.c.session_id, list(ids))


def placed_at(db: Connection, tenant: str, order_id: str) -> datetime | None:
    """Return when an order was placed, if we heard of it."""
    mine = (orders.c.tenant == tenant) & (orders.c.order_id == order_id)
    found = db.execute(select(orders.c.placed_at).where(mine)).scalar()
    return None if found is None else moment(found)


def _known(db: Connection, mine: Any, column: Any, ids: list[str]) -> set[str]:
    chunks = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
    return {
        name
        for chunk in chunks
        for name in db.execute(select(column).where(mine, column.in_(chunk))).scalars()
    }


def _touch(row: RowMapping) -> Touch:
    return Touch(
        touch_id=UUID(row["touch_id"]),
        event_id=row["event_id"],
        channel=row["channel"],
        direct=row["direct"],
        at=moment(row["at"]),
        campaign_id=row["campaign_id"],
        content_id=row["content_id"],
    )
