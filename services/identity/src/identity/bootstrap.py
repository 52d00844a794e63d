"""Identity, put together."""

from chassis.blueprint import Blueprint
from identity import contact_events, sms
from identity.erasing import ERASING
from identity.events import registry
from identity.joining import JOINING
from identity.projections import consents, funnel, reviews, ties
from identity.upstream import upstream

__all__ = ["BLUEPRINT", "contact_events"]

BLUEPRINT = Blueprint(
    name="identity",
    registry=registry,
    upstream=upstream,
    edge="identity.service:IdentityService",
    inline=[ties],
    projections=[funnel, consents, reviews],
    processes=[JOINING, ERASING],
    gateways={"sms": sms.calls},
)
