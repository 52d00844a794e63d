"""Where campaigns' parts are put together.  The only module that knows them all."""

from campaigns.events import registry
from campaigns.projections import attributed, calendar, journeys, limits, links, spending
from campaigns.upstream import upstream
from chassis.blueprint import Blueprint

BLUEPRINT = Blueprint(
    name="campaigns",
    registry=registry,
    upstream=upstream,
    edge="campaigns.service:CampaignsService",
    inline=(journeys, links, limits),
    projections=(calendar, attributed, spending),
)
