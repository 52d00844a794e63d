"""Products that one channel alone sells for now."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, Select, select

from chassis.clock import micros
from commerce.drop_tables import drop_terms


def elsewhere(tenant: str, platform: str, at: datetime) -> Select[tuple[str, str]]:
    """Select the products that a platform may not sell at a moment, and who may."""
    row, now = drop_terms.c, micros(at)
    return select(row.sku, row.channel).where(
        row.tenant == tenant,
        row.channel != platform,
        row.opens_at <= now,
        row.exclusive_until > now,
    )


def channels_elsewhere(
    db: Connection, tenant: str, skus: Collection[str], platform: str, at: datetime
) -> Mapping[str, str]:
    """Return which other channel some products are exclusive to at a moment."""
    wanted = elsewhere(tenant, platform, at).where(drop_terms.c.sku.in_(skus))
    return {found.sku: found.channel for found in db.execute(wanted)}
