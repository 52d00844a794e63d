"""Identity, put together."""

from chassis.audit import TRAIL
from chassis.blueprint import Blueprint
from chassis.quotas.metering import metering
from identity import contact_events, forgetting, sms
from identity.erasing import ERASING
from identity.events import registry
from identity.joining import JOINING
from identity.projections import consents, funnel, reviews, ties
from identity.tenant_projections import limits
from identity.upstream import upstream

__all__ = ["BLUEPRINT", "contact_events"]

BLUEPRINT = Blueprint(
    name="identity",
    registry=registry,
    upstream=upstream,
    edge="identity.service:IdentityService",
    inline=[ties, limits, TRAIL],
    projections=[funnel, consents, reviews, metering()],
    processes=[JOINING, ERASING],
    gateways={"sms": sms.calls},
    forget=forgetting.forget_rows,
)
