"""Where campaigns' parts are put together.  The only module that knows them all."""

from campaigns import subjects
from campaigns.events import ContentDrafted, ContentWithdrawn, registry
from campaigns.projections import attributed, calendar, journeys, limits, links, spending
from campaigns.upstream import upstream
from chassis.audit import TRAIL
from chassis.blueprint import Blueprint
from chassis.quotas.metering import metering
from chassis.quotas.stock import Held, Stock

BLUEPRINT = Blueprint(
    name="campaigns",
    registry=registry,
    upstream=upstream,
    edge="campaigns.service:CampaignsService",
    inline=(
        journeys,
        links,
        limits,
        TRAIL,
        Held(Stock(name="contents", comes=[ContentDrafted], goes=[ContentWithdrawn])),
    ),
    projections=(calendar, attributed, spending, metering()),
    forget=subjects.forget,
)
